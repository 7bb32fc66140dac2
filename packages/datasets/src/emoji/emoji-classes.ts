import type { IconSet } from '../iconify/icon-set.js'
import { EMOJI_STYLES, type EmojiStyle, NAMING_STYLES } from './emoji-sets.js'

/** One drawing of one emoji. */
export interface EmojiDrawing {
  readonly style: EmojiStyle
  /** Its name in the style's icon set. */
  readonly icon: string
}

export interface EmojiClass {
  /** The code points in lower-case hex, joined by `-`, without the variation selector `fe0f`. */
  readonly key: string
  /** At most one a style, in the order of `EMOJI_STYLES`. */
  readonly drawings: readonly EmojiDrawing[]
}

/** Classes with fewer drawings are left out of the benchmark. */
const LEAST_DRAWINGS = 5

type Names = Pick<IconSet, 'icons' | 'aliases' | 'chars'>

/** The benchmark's classes, sorted by key. Emoji with a skin tone are left out. */
export function emojiClasses(sets: Readonly<Record<EmojiStyle, Names>>): EmojiClass[] {
  const keyOfName = new Map<string, string>()
  for (const style of NAMING_STYLES) {
    for (const [chars, name] of Object.entries(sets[style].chars))
      if (!keyOfName.has(name)) keyOfName.set(name, emojiKey(chars))
  }
  const drawings = new Map<string, EmojiDrawing[]>()
  for (const style of EMOJI_STYLES) {
    const seen = new Set<string>()
    for (const [key, icon] of keyedIcons(sets[style], keyOfName)) {
      if (seen.has(key) || hasSkinTone(key)) continue
      seen.add(key)
      const list = drawings.get(key)
      if (list) list.push({ style, icon })
      else drawings.set(key, [{ style, icon }])
    }
  }
  return [...drawings]
    .filter(([, list]) => list.length >= LEAST_DRAWINGS)
    .map(([key, list]) => ({ key, drawings: list }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Which emoji each icon of a set draws: by its code points where the set lists them, else by its name. */
function* keyedIcons(
  set: Names,
  keyOfName: ReadonlyMap<string, string>,
): Generator<readonly [key: string, icon: string]> {
  const chars = Object.entries(set.chars)
  if (chars.length > 0) {
    for (const [code, icon] of chars)
      if (Object.hasOwn(set.icons, icon) || Object.hasOwn(set.aliases, icon)) yield [emojiKey(code), icon]
    return
  }
  for (const icon of [...Object.keys(set.icons), ...Object.keys(set.aliases)]) {
    const key = keyOfName.get(icon)
    if (key !== undefined) yield [key, icon]
  }
}

/** `1F468-200D-2764-FE0F` to `1f468-200d-2764`. */
export function emojiKey(codePoints: string): string {
  return codePoints
    .toLowerCase()
    .split('-')
    .filter((point) => point !== 'fe0f')
    .join('-')
}

function hasSkinTone(key: string): boolean {
  return key.split('-').some((point) => /^1f3f[b-f]$/.test(point))
}
