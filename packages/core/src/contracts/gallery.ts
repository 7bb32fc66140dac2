import type { Warning } from '../errors.js'
import type { Embeddings } from './embeddings.js'
import type { Box } from './image.js'
import type { Ranking } from './ranking.js'
import type { GalleryView } from './reranker.js'
import type { OperationOptions } from './spec.js'
import type { Filter, Metadata, VectorIndexEngine } from './vector-index.js'

/** An image as a gallery knows it. */
export interface GalleryItem {
  /** Unique in the gallery; adding another image under the same id replaces it. */
  readonly id: string
  /** SHA-256 of the image's content in hex, as `hashImage` gives it. */
  readonly hash: string
  readonly metadata?: Metadata | undefined
  /** Larger = less sure. */
  readonly uncertainty?: number | undefined
  /** Kept and listed, but not found. Default false. */
  readonly rejected?: boolean | undefined
  /** Path or URL of the picture, for pages and for rerankers that look at images. */
  readonly source?: string | undefined
  readonly box?: Box | undefined
}

export interface GalleryEntry extends GalleryItem {
  readonly rejected: boolean
  /** Row of its vectors. Never given again until the gallery is compacted. */
  readonly position: number
}

/** A further set of vectors of the same images, from which those that are searched can be made again. */
export interface GalleryMember {
  /** Lower-case letters, digits, hyphens. */
  readonly name: string
  readonly space: string
  readonly dim: number
}

export interface GalleryVectors {
  /** One row an item; gallery or any role. */
  readonly embeddings: Embeddings
  /** By name; exactly the members of the gallery. */
  readonly members?: Readonly<Record<string, Embeddings>> | undefined
}

export interface GalleryChange {
  readonly id: string
  readonly metadata?: Metadata | undefined
  readonly uncertainty?: number | undefined
  readonly rejected?: boolean | undefined
  /** Where the image lies now. */
  readonly source?: string | undefined
}

export interface GallerySearchOptions extends OperationOptions {
  readonly filter?: Filter | undefined
  /** Find rejected images too. Default false. */
  readonly includeRejected?: boolean | undefined
  /** Looked at last; by entry. */
  readonly allow?: ((entry: GalleryEntry) => boolean) | undefined
}

export interface GalleryHit {
  readonly entry: GalleryEntry
  readonly distance: number
}

export interface RewriteBlock extends GalleryVectors {
  readonly members: Readonly<Record<string, Embeddings>>
  readonly entries: readonly GalleryEntry[]
}

export interface Rewrite {
  /** Of the new vectors. */
  readonly space: string
  readonly dim: number
  /** New vectors of a block of images, and their uncertainty where there is one; what is absent stays as it was. */
  transform(
    block: RewriteBlock,
  ): Promise<{ readonly embeddings: Embeddings; readonly uncertainty?: ArrayLike<number> | undefined }>
}

export interface OpenGalleryOptions extends OperationOptions {
  /** Of the vectors that are searched. */
  readonly space: string
  readonly dim: number
  /** Default: `exact`. */
  readonly engine?: VectorIndexEngine | undefined
  /**
   * `write` makes the folder where there is none and keeps other writers out; `read` needs no lock and sees what was
   * there when it opened or was refreshed. Default `write`.
   */
  readonly mode?: 'read' | 'write' | undefined
  /**
   * For a writer, where the log has lost its end (`gallery/damaged` says so, a reader warns): go on with what is left. What stands behind it is
   * kept aside. Default false.
   */
  readonly acceptLoss?: boolean | undefined
  /** Of a new gallery; an existing one must have the same, when given. */
  readonly members?: readonly GalleryMember[] | undefined
  /** Of a new gallery: the folder that ids of image files start at. Default: the folder that holds the gallery. */
  readonly root?: string | undefined
}

/** Opens, or with `mode: 'write'` makes, the gallery of a folder. */
export type OpenGallery = (folder: string, options: OpenGalleryOptions) => Promise<Gallery>

export interface Gallery {
  readonly folder: string
  /** The folder that ids of image files start at, absolute. It is kept relative to the gallery: both can move together. */
  readonly root: string
  readonly space: string
  readonly dim: number
  readonly members: readonly GalleryMember[]
  /** Images, rejected ones included. */
  readonly size: number
  /**
   * What was found so far: `gallery/torn-tail` after a crash, `gallery/lost-end`, `gallery/no-end-note`, `gallery/manifest-recovered`,
   * `gallery/kept-aside`, `gallery/stale-lock`, `gallery/index-rebuilt`, `gallery/lengths`, and when closing `gallery/index-not-saved`.
   */
  readonly warnings: readonly Warning[]
  /** Whether this very image is there under this id: then it need not be embedded again. */
  has(id: string, hash: string): boolean
  get(id: string): GalleryEntry | undefined
  at(position: number): GalleryEntry | undefined
  /** By position. */
  entries(): GalleryEntry[]
  /**
   * Adds images, replacing those of the same id. On disk when it resolves, whatever happens to the process afterwards; until then either all
   * of them are, or none.
   *
   * @throws `gallery/write` when the disk is full, say: the gallery stays as it was and works on (`undone: false` among its fields says that even
   * this failed: then open it again). `gallery/item` for ids
   * that are empty or come twice, `gallery/shape`, and the codes of `assertComparable`.
   */
  add(items: readonly GalleryItem[], vectors: GalleryVectors, options?: OperationOptions): Promise<void>
  /** Changes what is given, keeps the rest. @throws `gallery/unknown-id` before anything is changed. */
  update(changes: readonly GalleryChange[]): Promise<void>
  /** Ids that are not there are no error. Returns how many were. */
  remove(ids: readonly string[]): Promise<number>
  /** The nearest images of each query, nearest first. */
  search(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<GalleryHit[][]>
  /** The same by position. */
  rank(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<Ranking[]>
  /** All rows by position, those of replaced and removed images included, for rerankers; `nearest` finds only images that are there. */
  view(options?: GallerySearchOptions): Promise<GalleryView>
  /** Vectors of some images, checked; of a member when named. */
  vectors(positions: readonly number[], member?: string): Promise<Embeddings<'gallery'>>
  /** Brings the engine's index up to date now, rather than at the next search. */
  prepare(options?: OperationOptions): Promise<void>
  /** Writes all vectors anew and switches in one step; until then the old ones serve. Frees the room of removed images. */
  rewrite(change: Rewrite, options?: OperationOptions): Promise<void>
  /**
   * Brings a reader up to what a writer has acknowledged since; it never sees a part of a change. Costs next to nothing where nothing
   * changed. Positions change when the writer has compacted. A writer has nothing to refresh.
   *
   * @returns whether anything changed
   * @throws what opening throws: the reader then stays as it was
   */
  refresh(): Promise<boolean>
  /** Frees the room of replaced and removed images, and what was kept aside after crashes. Positions change. */
  compact(options?: OperationOptions): Promise<void>
  /** Ids of image files start at another folder from now on; those that are there stay as they are. */
  moveRoot(root: string): Promise<void>
  /** Reads everything and checks it. @throws `gallery/damaged` */
  verify(options?: OperationOptions): Promise<void>
  /** Keeps the engine's index for next time, where it can be kept, and lets the next writer in. */
  close(): Promise<void>
}
