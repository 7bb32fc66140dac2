import type * as Usearch from 'usearch'

const QUANTIZATION = { fp32: 'f32', fp16: 'f16', int8: 'i8' } as const

export interface GraphSettings {
  readonly dim: number
  readonly precision: keyof typeof QUANTIZATION
  readonly connectivity: number
  readonly expansionAdd: number
  readonly expansionSearch: number
  readonly threads: number
}

/** usearch's graph: nodes by number, nothing but additions and searches. */
export interface UsearchGraph {
  /** Nodes. */
  readonly size: number
  add(firstKey: number, vectors: Float32Array, count: number): void
  /** Of each query, up to `k` nodes in the order in which usearch gives them. */
  nearest(queries: Float32Array, count: number, k: number): { key: number; distance: number }[][]
  save(file: string): void
  /** Reads a file that was checked: a damaged one would end the process. */
  load(file: string): void
  /** The same, left on disk and mapped into memory. */
  view(file: string): void
  /** Another one without nodes. */
  empty(): UsearchGraph
}

export function createUsearchGraph(usearch: typeof Usearch, settings: GraphSettings): UsearchGraph {
  const { dim, precision, connectivity, expansionAdd, expansionSearch, threads } = settings
  const index = new usearch.Index({
    dimensions: dim,
    // usearch scales int8 vectors to unit length, so that their inner product is the cosine.
    metric: (precision === 'int8' ? 'cos' : 'ip') as never,
    quantization: QUANTIZATION[precision] as never,
    connectivity,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
    multi: false,
  })
  return {
    get size() {
      return index.size()
    },
    add(firstKey, vectors, count) {
      index.add(
        BigUint64Array.from({ length: count }, (_, i) => BigInt(firstKey + i)),
        vectors,
        threads,
      )
    },
    nearest(queries, count, k) {
      const matches = index.search(queries, k, threads) as unknown as {
        keys: BigUint64Array
        distances: Float32Array
        /** One query comes back without. */
        counts?: BigUint64Array | undefined
      }
      return Array.from({ length: count }, (_, row) => {
        const found = matches.counts ? Number(matches.counts[row]) : matches.keys.length
        return Array.from({ length: found }, (__, i) => ({
          key: Number(matches.keys[row * k + i]),
          distance: matches.distances[row * k + i]!,
        }))
      })
    },
    save: (file) => index.save(file),
    load: (file) => index.load(file),
    view: (file) => index.view(file),
    empty: () => createUsearchGraph(usearch, settings),
  }
}
