import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tempFolder, testContext } from '../test-support/temp-folder.js'
import { type EmojiTriplesOptions, loadEmojiTriples, voters } from './load-emoji-triples.js'
import { indexKeywords } from './locale-keywords.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const small: EmojiTriplesOptions = {
  contexts: 2,
  triplesPerContext: 5,
  referencesPerContext: 1,
  validationReferences: 2,
  testReferences: 2,
  triplesPerReference: 3,
  minVotes: 8,
  seed: 0,
  heldOutLocales: 0,
  styles: ['noto'],
}

describe('loadEmojiTriples', () => {
  const load = (change: Partial<EmojiTriplesOptions> = {}) =>
    loadEmojiTriples({ ...small, ...change }, { ...testContext(tempFolder()), folder: root })

  it('gives triples of images, soft labels and the agreement of annotators', async () => {
    const { items, triples, figures } = await load({ styles: ['noto', 'twemoji'] })
    const ids = new Map(items.map((item) => [item.id, item]))
    expect(triples).toHaveLength(2 * 5 + 2 * 3 + 2 * 3)
    for (const { reference, a, b, split, agreement } of triples!) {
      for (const id of [reference, a, b]) expect(ids.get(id)?.split).toBe(split === 'test' ? 'test' : 'train')
      expect(agreement).toBeGreaterThan(0.5)
      expect(agreement).toBeLessThanOrEqual(1)
    }
    // A reference is one image.
    expect(new Set(triples!.map(({ reference }) => reference)).size).toBe(6)
    expect(figures!['test/one-locale-with-majority-of-others']).toBeGreaterThan(0.6)
    expect(figures!['test/one-locale-with-majority-of-others']).toBeLessThanOrEqual(1)
  })

  it('lets held-out locales alone vote on test triples', async () => {
    const held = await load({ heldOutLocales: 40 })
    const few = held.triples!.filter(({ split }) => split === 'test')
    expect(few).toHaveLength(6)
    // 40 voters at most: no share needs a denominator beyond 40.
    const shares = (most: number) =>
      new Set(Array.from({ length: most }, (_, n) => Array.from({ length: n + 2 }, (_, k) => k / (n + 1))).flat())
    expect(few.every(({ agreement }) => shares(40).has(agreement!))).toBe(true)
    expect(held.triples!.some(({ split, agreement }) => split !== 'test' && !shares(40).has(agreement!))).toBe(true)
  })
})

describe('voters', () => {
  const locales = ['de', 'fr', 'sw'].map((locale) => indexKeywords(locale, []))
  const named = (heldOutLocales: number | string[]) => {
    const { train, test } = voters(locales, { heldOutLocales, seed: 0 })
    return [train, test].map((list) => list.map(({ locale }) => locale))
  }

  it('keeps held-out locales from training', () => {
    expect(named(0)).toEqual([
      ['de', 'fr', 'sw'],
      ['de', 'fr', 'sw'],
    ])
    expect(named(['fr'])).toEqual([['de', 'sw'], ['fr']])
    const [train, test] = named(2)
    expect([train!.length, test!.length, new Set([...train!, ...test!]).size]).toEqual([1, 2, 3])
    expect(() => named(['dee'])).toThrow(
      expect.objectContaining({ code: 'dataset/unknown-locale', message: expect.stringContaining('Did you mean de') }),
    )
  })
})
