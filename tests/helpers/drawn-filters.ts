import { createRandom, type Filter, type GalleryItem, type Metadata } from '@lookalike/core'

const VALUES: Metadata[string][] = ["it's", 'red', '', '1', 'true', 1, -2.5, 0, -0, 1e21, 5e-324, true, false]
const KEYS = ['colour', 'Größe', 'a.b', "it's", 'x_61', 'a', '-', 'text_a']

/** Items with drawn metadata, and filters of theirs, as deep as asked. */
export function drawnFilters(count: number, others: readonly string[] = []) {
  const random = createRandom('filters')
  const keys = [...KEYS, ...others]
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!
  const items: GalleryItem[] = Array.from({ length: count }, (_, i) => ({
    id: `${i}`,
    hash: 'h',
    ...(i > 0 && {
      metadata: Object.fromEntries(keys.filter(() => random.next() < 0.5).map((key) => [key, pick(VALUES)])),
    }),
  }))
  const condition = (): Filter[string] => {
    const kind = random.next()
    if (kind < 0.3) return pick(VALUES)
    if (kind < 0.5) return [pick(VALUES), pick(VALUES)]
    if (kind < 0.6) return []
    return kind < 0.8 ? { exists: random.next() < 0.5 } : { gte: pick([-3, 0, 1]), lt: pick([0, 1, 1e22]) }
  }
  const filterOf = (depth: number): Filter => {
    const filter: Record<string, unknown> = { [pick(keys)]: condition() }
    if (depth > 0) filter[pick(['$or', '$and'])] = [filterOf(depth - 1), filterOf(depth - 1)]
    return filter as Filter
  }
  return { items, filterOf }
}
