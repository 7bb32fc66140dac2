import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readJson } from '../node/read-json.js'

/** One annotator: what the translators of a locale wrote about each emoji, as words. */
export interface LocaleKeywords {
  readonly locale: string
  /** Emoji key to its word numbers, ascending and distinct. */
  readonly words: ReadonlyMap<string, Int32Array>
  /** By word number: log(emoji / emoji with the word). */
  readonly idf: Float64Array
}

/** Locales that annotate fewer of the benchmark's emoji are left out, which leaves 115. */
const LEAST_EMOJI = 1000

const schema = z.object({
  // Entries are checked one by one below: most belong to characters that are no emoji of the benchmark.
  annotations: z.object({ annotations: z.record(z.string(), z.unknown()).nullish() }),
})

/** Reads the locales without a region or script of an installed `cldr-annotations-full`, in the order of their names. */
export async function readLocales(folder: string, keys: ReadonlySet<string>): Promise<LocaleKeywords[]> {
  const names = (await readdir(join(folder, 'annotations'))).filter((name) => /^[a-z]+$/.test(name)).sort()
  const locales: LocaleKeywords[] = []
  for (const locale of names) {
    const { annotations } = await readJson(join(folder, 'annotations', locale, 'annotations.json'), schema)
    const keywords = Object.entries(annotations.annotations ?? {}).flatMap(([characters, entry]) => {
      const key = keyOf(characters)
      if (!keys.has(key)) return []
      const { default: list } = entry as { default?: unknown }
      return Array.isArray(list) && list.length > 0 ? [[key, list.map(String)] as const] : []
    })
    const read = indexKeywords(locale, keywords)
    if (read.words.size >= LEAST_EMOJI) locales.push(read)
  }
  return locales
}

/** Keywords of several words count as their words; case does not matter. */
export function indexKeywords(
  locale: string,
  keywords: Iterable<readonly [key: string, keywords: readonly string[]]>,
): LocaleKeywords {
  const numbers = new Map<string, number>()
  const counts: number[] = []
  const words = new Map<string, Int32Array>()
  for (const [key, list] of keywords) {
    const distinct = new Set(
      list.flatMap((keyword) => keyword.toLowerCase().split(/\s+/)).filter((word) => word !== ''),
    )
    const ids = [...distinct].map((word) => {
      const id = numbers.get(word) ?? numbers.size
      numbers.set(word, id)
      counts[id] = (counts[id] ?? 0) + 1
      return id
    })
    words.set(key, Int32Array.from(ids).sort())
  }
  return { locale, words, idf: Float64Array.from(counts, (count) => Math.log(words.size / count)) }
}

function keyOf(characters: string): string {
  return [...characters]
    .map((character) => character.codePointAt(0)!.toString(16))
    .filter((point) => point !== 'fe0f')
    .join('-')
}
