import type { DatasetItem } from '@lookalike/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitClasses } from './split-classes.js'
import { splitLabels } from './split-labels.js'

const item = (label: string, split: DatasetItem['split']): DatasetItem => ({
  id: `${label} ${split}`,
  source: '',
  label,
  split,
  isQuery: false,
  isGallery: true,
})

describe('splitLabels', () => {
  it('makes disjoint parts of the asked sizes, in whatever order labels come', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 0, max: 9 }),
        (labels, seed) => {
          const splits = splitLabels(labels, { validation: 0.2, test: 0.4, seed })
          const count = (split: string) => [...splits.values()].filter((value) => value === split).length
          expect([count('validation'), count('test')]).toEqual([
            Math.max(1, Math.round(0.2 * labels.length)),
            Math.max(1, Math.round(0.4 * labels.length)),
          ])
          expect(splitLabels([...labels].reverse(), { validation: 0.2, test: 0.4, seed })).toEqual(splits)
        },
      ),
    )
  })

  it('refuses to leave a part empty', () => {
    expect(() => splitLabels(['a'], { validation: 0.5 })).toThrow(
      expect.objectContaining({ code: 'dataset/too-few-classes' }),
    )
    expect([...splitLabels(['a', 'b'], { validation: 0.5, test: 0.5 }).values()].sort()).toEqual(['test', 'validation'])
    expect(() => splitLabels(['a'], { validation: 0.5, test: 0.5 })).toThrow(
      expect.objectContaining({ code: 'dataset/too-few-classes' }),
    )
  })
})

describe('splitClasses', () => {
  it('recuts the training items alone', () => {
    const items = [
      ...['a', 'b', 'c', 'd'].flatMap((label) => [item(label, 'train')]),
      item('a', 'test'),
      item('z', 'test'),
    ]
    const cut = splitClasses(items, { validation: 0.25 })
    expect(cut.filter(({ split }) => split === 'validation')).toHaveLength(1)
    expect(cut.find(({ split }) => split === 'validation')).toMatchObject({ isQuery: true, isGallery: true })
    expect(cut.slice(4)).toEqual(items.slice(4))
    expect(splitClasses(items, { validation: 0 })).toBe(items)
  })
})
