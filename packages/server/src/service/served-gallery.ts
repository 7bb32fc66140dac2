import type { Box, Embeddings, Filter, GalleryItem, GalleryVectors, Metadata, OperationOptions } from '@lookalike/core'

export interface ServedEntry extends GalleryItem {
  readonly rejected: boolean
}

export interface ServedSelection {
  readonly filter?: Filter | undefined
  /** Only images that are rejected, or only those that are not. Default: both. */
  readonly rejected?: boolean | undefined
}

export interface ServedPageOptions extends ServedSelection {
  readonly after?: string | undefined
  readonly limit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ServedSearchOptions extends OperationOptions {
  readonly filter?: Filter | undefined
  readonly threshold?: number | undefined
  readonly includeRejected?: boolean | undefined
}

export interface ServedHit {
  readonly entry: ServedEntry
  readonly distance: number
}

/** What the service needs of a gallery. */
export interface ServedGallery {
  readonly space: string
  readonly dim: number
  readonly root: string
  readonly base: string
  readonly folder?: string
  count(selection?: ServedSelection): Promise<number>
  get(ids: readonly string[]): Promise<(ServedEntry | undefined)[]>
  page(options?: ServedPageOptions): Promise<{ readonly entries: readonly ServedEntry[]; readonly next?: string }>
  add(items: readonly GalleryItem[], vectors: GalleryVectors, options?: OperationOptions): Promise<void>
  update(
    changes: readonly {
      readonly id: string
      readonly metadata?: Metadata
      readonly uncertainty?: number
      readonly rejected?: boolean
      readonly source?: string
      readonly box?: Box
    }[],
  ): Promise<void>
  remove(ids: readonly string[]): Promise<number>
  search(queries: Embeddings, k: number, options?: ServedSearchOptions): Promise<ServedHit[][]>
  vectors(ids: readonly string[]): Promise<Embeddings<'gallery'>>
  refresh(): Promise<boolean>
  close(): Promise<void>
}
