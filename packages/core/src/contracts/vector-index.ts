import type { Embeddings } from './embeddings.js'
import type { Ranking } from './ranking.js'
import type { OperationOptions, SpecVersion } from './spec.js'

export interface SearchOptions extends OperationOptions {
  /** Row allowed or not, by position; the search sees only allowed rows. */
  readonly allow?: ((position: number) => boolean) | undefined
}

/**
 * A search engine over the rows of a gallery. Rows are known by position: the nth added row has position n, and removed
 * positions are never used again. The gallery keeps ids, metadata and the vectors themselves.
 */
export interface VectorIndex {
  readonly specVersion: SpecVersion
  readonly name: string
  readonly dim: number
  readonly space: string
  /** Rows that can be found. */
  readonly size: number
  add(embeddings: Embeddings, options?: OperationOptions): Promise<void>
  remove(positions: readonly number[]): Promise<void>
  /** One ranking a query row, each `min(k, size)` long (or fewer, where `allow` leaves fewer). */
  search(queries: Embeddings, k: number, options?: SearchOptions): Promise<Ranking[]>
  /** Writes what `open` reads; absent for engines that are rebuilt from the vectors. */
  save?(file: string): Promise<void>
  dispose(): Promise<void>
}

/** What an index plugin creates. */
export interface VectorIndexEngine {
  readonly name: string
  /** Its indexes can be saved: then one is built and kept when images are added, rather than at each first search. Default false. */
  readonly saves?: boolean | undefined
  /** It may miss some of the nearest. Default false. */
  readonly approximate?: boolean | undefined
  /** An empty index, or, with `file`, the one that `save` wrote there. */
  open(binding: {
    readonly dim: number
    readonly space: string
    readonly file?: string | undefined
  }): Promise<VectorIndex>
}
