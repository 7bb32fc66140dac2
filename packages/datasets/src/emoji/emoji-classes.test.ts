import { describe, expect, it } from 'vitest'
import { emojiClasses } from './emoji-classes.js'
import { EMOJI_STYLES, type EmojiStyle } from './emoji-sets.js'

type Sets = Parameters<typeof emojiClasses>[0]

const drawn = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { body: '<path/>' }]))

function sets(change: Partial<Sets> = {}): Sets {
  const coded = { icons: drawn('smile'), aliases: {}, chars: { '1f600': 'smile' } }
  const named = { icons: drawn('smile'), aliases: {}, chars: {} }
  const naming = ['noto', 'twemoji', 'openmoji', 'fluent-emoji-flat', 'fluent-emoji-high-contrast']
  const all = Object.fromEntries(
    EMOJI_STYLES.map((style) => [style, naming.includes(style) ? coded : named]),
  ) as Record<EmojiStyle, typeof coded>
  return { ...all, ...change }
}

describe('emojiClasses', () => {
  it('joins sets by code points, and sets without them by name', () => {
    const [only, ...rest] = emojiClasses(sets())
    expect(rest).toEqual([])
    expect(only!.key).toBe('1f600')
    expect(only!.drawings.map(({ style }) => style)).toEqual([...EMOJI_STYLES])
  })

  it('drops the variation selector and counts a style once', () => {
    const twice = { icons: drawn('heart', 'heart-2'), aliases: {}, chars: { '2764-FE0F': 'heart', '2764': 'heart-2' } }
    const classes = emojiClasses(
      sets({
        noto: twice,
        twemoji: twice,
        openmoji: twice,
        'fluent-emoji-flat': twice,
        'fluent-emoji-high-contrast': twice,
      }),
    )
    expect(classes.map(({ key }) => key)).toEqual(['2764'])
    expect(classes[0]!.drawings).toHaveLength(5)
    // An object's whole-number keys come first, so the plain code point wins here.
    expect(classes[0]!.drawings[0]!.icon).toBe('heart-2')
  })

  it('leaves out skin tones, undrawn names and classes with fewer than five drawings', () => {
    const toned = { icons: drawn('wave'), aliases: {}, chars: { '1f44b-1f3fd': 'wave', '1f44b': 'not-drawn' } }
    const all = Object.fromEntries(EMOJI_STYLES.map((style) => [style, toned])) as unknown as Sets
    expect(emojiClasses(all)).toEqual([])
    const empty = { icons: {}, aliases: {}, chars: {} }
    const few = sets({ fxemoji: empty, emojione: empty, 'emojione-monotone': empty, 'noto-v1': empty })
    expect(emojiClasses(few)).toHaveLength(1)
    expect(emojiClasses({ ...few, twemoji: empty })).toEqual([])
  })

  it('takes the first naming set that knows a name', () => {
    const other = { icons: drawn('smile'), aliases: {}, chars: { '1f601': 'smile' } }
    const byNoto = emojiClasses(sets({ noto: other }))
    // The four named sets follow noto, so 1f601 has noto and them, and 1f600 only the other four coded sets.
    expect(byNoto.map(({ key, drawings }) => [key, drawings.length])).toEqual([['1f601', 5]])
  })
})
