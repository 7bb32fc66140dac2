import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { pluginRef } from './plugin-ref.js'
import { findReferences, parseReference, placeReferences, replaceReferences, writeReference } from './reference.js'

describe('a reference', () => {
  it('is the same of a name and of an object with it', () => {
    const parsed = { kind: 'loss', use: 'triplet', options: {}, path: 'train.loss' }
    expect(parseReference('loss', 'triplet', 'train.loss')).toEqual(parsed)
    expect(parseReference('loss', { use: 'triplet' }, 'train.loss')).toEqual(parsed)
    expect(parseReference('loss', 'triplet').path).toBe('loss')
  })

  it('stays as it is when it is parsed again, also by a schema', () => {
    const reference = parseReference('loss', { use: 'triplet', margin: 1 })
    expect(parseReference('loss', reference)).toBe(reference)
    expect(z.strictObject({ loss: pluginRef('loss') }).parse({ loss: reference }).loss).toBe(reference)
  })

  it('is not mixed up with options that look like one', () => {
    const options = { kind: 'loss', options: {}, path: 'x' }
    expect(parseReference('loss', { use: 'odd', ...options }).options).toEqual(options)
  })

  it('is written as a config writes it, also into JSON', () => {
    const reference = parseReference('loss', { use: 'sum', terms: [{ loss: 'triplet' }] })
    expect(writeReference(reference)).toEqual({ use: 'sum', terms: [{ loss: 'triplet' }] })
    expect(JSON.parse(JSON.stringify({ loss: reference }))).toEqual({
      loss: { use: 'sum', terms: [{ loss: 'triplet' }] },
    })
    expect(structuredClone(writeReference(reference))).toEqual(writeReference(reference))
  })

  it('is found in options and told where it stands', () => {
    const map = new Map()
    const options = z
      .strictObject({ of: z.array(pluginRef('loss')), by: z.record(z.string(), pluginRef('encoder')), map: z.any() })
      .parse({ of: ['a', { use: 'b' }], by: { x: 'mini' }, map })
    const placed = placeReferences(options, 'train')
    expect(findReferences(placed).map(({ kind, use, path }) => [kind, use, path])).toEqual([
      ['loss', 'a', 'train.of[0]'],
      ['loss', 'b', 'train.of[1]'],
      ['encoder', 'mini', 'train.by.x'],
    ])
    expect(placed.map).toBe(map)
    expect(replaceReferences(placed, ({ use }) => use)).toEqual({ of: ['a', 'b'], by: { x: 'mini' }, map })
  })

  it.each([[undefined], [null], [''], [5], [{}], [{ use: '' }], [{ use: 5 }], [[]]])('is nothing of %j', (given) => {
    expect(() => parseReference('loss', given as never, 'train.loss')).toThrow(/^train\.loss: .* names no loss/)
    expect(pluginRef('loss').safeParse(given).success).toBe(false)
  })
})
