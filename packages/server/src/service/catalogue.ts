import { setImmediate } from 'node:timers/promises'
import type { Filter, Gallery, GalleryEntry } from '@lookalike/core'

type Value = string | number | boolean

/** Values of one key with how many images have them. */
export interface FacetCounts {
  readonly key: string
  readonly values: { readonly value: Value; readonly count: number }[]
  readonly others: number
  readonly missing: number
  readonly range?: { readonly min: number; readonly max: number } | undefined
}

/** What can only be said after a look at every image; looked up once a version of the gallery. */
export interface Catalogue {
  facets(options: {
    readonly keys?: readonly string[] | undefined
    readonly filter?: Filter | undefined
    readonly values: number
    readonly signal?: AbortSignal | undefined
  }): Promise<{ readonly facets: readonly FacetCounts[]; readonly total: number }>
  /** Ids of the images that have an uncertainty, the least sure first. */
  uncertain(rejected: boolean | undefined, filter: Filter | undefined, signal?: AbortSignal): Promise<readonly string[]>
}

/** Answers kept for one version. */
const KEPT = 32

export function createCatalogue(gallery: Gallery, version: () => number): Catalogue {
  const kept = new Map<string, Promise<unknown>>()
  let of = -1

  const remember = <T>(key: string, make: () => Promise<T>): Promise<T> => {
    if (of !== version()) kept.clear()
    of = version()
    const known = kept.get(key) as Promise<T> | undefined
    if (known) return known
    const made = make()
    if (kept.size === KEPT) kept.delete(kept.keys().next().value!)
    kept.set(key, made)
    made.catch(() => kept.delete(key))
    return made
  }

  async function each(
    selection: { readonly filter?: Filter | undefined; readonly rejected?: boolean | undefined },
    visit: (entry: GalleryEntry) => void,
  ): Promise<void> {
    let after: string | undefined
    do {
      const page = await gallery.page({ ...selection, after, limit: 1000 })
      for (const entry of page.entries) visit(entry)
      after = page.next
      // Other requests come in between.
      await setImmediate()
    } while (after !== undefined)
  }

  async function count(filter: Filter | undefined) {
    const byKey = new Map<string, Map<Value, number>>()
    let total = 0
    await each({ filter, rejected: false }, ({ metadata = {} }) => {
      total++
      for (const [key, value] of Object.entries(metadata)) {
        const values = byKey.get(key) ?? new Map<Value, number>()
        byKey.set(key, values)
        values.set(value, (values.get(value) ?? 0) + 1)
      }
    })
    return { total, byKey }
  }

  return {
    async facets({ keys, filter, values: most }) {
      const { total, byKey } = await remember(`facets ${JSON.stringify(filter ?? null)}`, () => count(filter))
      const wanted = keys ?? [...byKey.keys()].sort()
      return { total, facets: wanted.map((key) => countsOf(key, byKey.get(key) ?? new Map(), total, most)) }
    },
    uncertain: (rejected, filter) =>
      remember(`uncertain ${JSON.stringify([rejected, filter ?? null])}`, async () => {
        const found: { id: string; uncertainty: number }[] = []
        await each({ filter, rejected }, ({ id, uncertainty }) => {
          if (uncertainty !== undefined) found.push({ id, uncertainty })
        })
        return found.sort((a, b) => b.uncertainty - a.uncertainty || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
      }),
  }
}

function countsOf(key: string, counts: ReadonlyMap<Value, number>, total: number, most: number): FacetCounts {
  const sorted = [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (String(a.value) < String(b.value) ? -1 : 1))
  const all = sorted.reduce((sum, { count }) => sum + count, 0)
  const values = sorted.slice(0, most)
  let [min, max] = [Infinity, -Infinity]
  for (const { value } of sorted) {
    if (typeof value !== 'number') continue
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return {
    key,
    values,
    others: all - values.reduce((sum, { count }) => sum + count, 0),
    missing: total - all,
    range: min <= max ? { min, max } : undefined,
  }
}
