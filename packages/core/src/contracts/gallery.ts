import type { Warning } from '../errors.js'
import type { Embeddings } from './embeddings.js'
import type { Filter, Metadata } from './filter.js'
import type { Box } from './image.js'
import type { OperationOptions, SpecVersion } from './spec.js'
import type { VectorIndexEngine } from './vector-index.js'

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
  /** Path or URL of the picture, for pages and for rerankers that look at images. Paths start at the gallery's `base`. */
  readonly source?: string | undefined
  readonly box?: Box | undefined
}

export interface GalleryEntry extends GalleryItem {
  readonly rejected: boolean
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
  /** In the place of all that were there. */
  readonly metadata?: Metadata | undefined
  readonly uncertainty?: number | undefined
  readonly rejected?: boolean | undefined
  /** Where the image lies now. */
  readonly source?: string | undefined
}

/** Some of a gallery's images. */
export interface GallerySelection {
  readonly filter?: Filter | undefined
  /** Only images that are rejected, or only those that are not. Default: both. */
  readonly rejected?: boolean | undefined
}

export interface GalleryPageOptions extends GallerySelection, Pick<OperationOptions, 'signal'> {
  /** Where the last page ended: its `next`. Default: the beginning. */
  readonly after?: string | undefined
  /** Entries at most. Default 1,000. */
  readonly limit?: number | undefined
  /** With the vectors that are searched. Default false. */
  readonly withVectors?: boolean | undefined
  /** With the vectors of all members. Default false. */
  readonly withMembers?: boolean | undefined
}

export interface GalleryPage {
  readonly entries: readonly GalleryEntry[]
  /** One row an entry; only where they were asked for. */
  readonly embeddings?: Embeddings<'gallery'> | undefined
  /** By name; only where they were asked for. */
  readonly members?: Readonly<Record<string, Embeddings<'gallery'>>> | undefined
  /** Where the next page begins; undefined at the end. */
  readonly next?: string | undefined
}

export interface GallerySearchOptions extends OperationOptions {
  readonly filter?: Filter | undefined
  /** Only images of at most this distance. */
  readonly threshold?: number | undefined
  /** Find rejected images too. Default false. */
  readonly includeRejected?: boolean | undefined
  /** Give each hit its vector. Default false. */
  readonly withVectors?: boolean | undefined
}

export interface GalleryHit {
  readonly entry: GalleryEntry
  /** `1 - inner product`. */
  readonly distance: number
  /** As the gallery keeps it; only where it was asked for. */
  readonly vector?: Float32Array | undefined
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

/** What a store does, for whoever has to know before asking. */
export interface GalleryCapabilities {
  /** Searches may miss some of the nearest images. */
  readonly approximate: boolean
  /** `before`: filtered searches look among the images that fit, and find k where there are k. `after`: they sift what was found, and may find fewer. */
  readonly filters: 'before' | 'after'
  /** Writers at the same time. With `many`, the last one to add an id wins. */
  readonly writers: 'one' | 'many'
  /** A change of several images is there whole or not at all, whatever happens to the process. Without, some of them may be; adding them again mends it. */
  readonly transactions: boolean
}

/** What a gallery says of itself. */
export interface GalleryDescription {
  /** Of the vectors that are searched. */
  readonly space: string
  readonly dim: number
  readonly members: readonly GalleryMember[]
}

export interface OpenGalleryOptions extends OperationOptions {
  /** Of the vectors that are searched: a gallery of another space is refused. Default: whatever it holds; then none is made. */
  readonly space?: string | undefined
  readonly dim?: number | undefined
  /** For stores that search in this process. Default: `exact`. */
  readonly engine?: VectorIndexEngine | undefined
  /**
   * `write` makes the gallery where there is none, and keeps other writers out where there may be one only. `read` changes nothing, and sees what
   * was there when it opened or was refreshed, or later. Default `write`.
   */
  readonly mode?: 'read' | 'write' | undefined
  /** Of a new gallery; an existing one must have the same, when given. */
  readonly members?: readonly GalleryMember[] | undefined
  /** The folder that ids of image files start at. A gallery that keeps one keeps its own. */
  readonly root?: string | undefined
}

/** What a gallery plugin creates: one place where a gallery is, or will be. Nothing is opened or connected before it is asked for. */
export interface GalleryStore {
  readonly specVersion: SpecVersion
  /** Where it is, for people: a folder, or a table of a server, without any password. */
  readonly name: string
  /** The folder that the gallery is, absolute: one process writes to it at a time, and parts of it may be made beside it. Only where it is one. */
  readonly folder?: string | undefined
  /** What is there; undefined where there is nothing. */
  describe(): Promise<GalleryDescription | undefined>
  /**
   * @throws `gallery/space` when it holds vectors of another space, `gallery/not-found` when there is nothing to read, `gallery/locked` when
   * another process writes to it and only one may, `gallery/damaged`, `gallery/version` when another version of the store made it,
   * `gallery/unavailable` when it cannot be reached.
   */
  open(options?: OpenGalleryOptions): Promise<Gallery>
}

/** What a reranker made of images, by their content. Damaged codes are the reranker's to notice. */
export interface GalleryCodes {
  /** One a hash, undefined where there is none. */
  get(hashes: readonly string[]): Promise<(Uint8Array | undefined)[]>
  put(codes: readonly { readonly hash: string; readonly code: Uint8Array }[]): Promise<void>
  /** Those that have no code, in their order. */
  missing(hashes: readonly string[]): Promise<string[]>
  /** Takes away the codes of all other hashes; resolves to how many went. */
  retain(hashes: ReadonlySet<string>): Promise<number>
}

/** An open gallery. Everything that waits for a disk or a database is asynchronous; lists of ids are asked for at once rather than one by one. */
export interface Gallery extends GalleryDescription {
  /** As its store says it. */
  readonly name: string
  readonly capabilities: GalleryCapabilities
  /** The folder that ids of image files start at, absolute. */
  readonly root: string
  /** The folder that paths in `source` start at, absolute. */
  readonly base: string
  /** The folder that it lies in, absolute; only where it is one. It holds no images, and nothing outside the folder around it is its own. */
  readonly folder?: string | undefined
  /** What was found so far. */
  readonly warnings: readonly Warning[]
  /** Images, by default rejected ones included. */
  count(selection?: GallerySelection): Promise<number>
  /** One an id, undefined where there is none. */
  get(ids: readonly string[]): Promise<(GalleryEntry | undefined)[]>
  /** Entries whose `source` is one of these texts. */
  findSources(sources: readonly string[]): Promise<GalleryEntry[]>
  /**
   * Some entries, each once, in an order of the store's own. Entries that come or go between two pages may be among them or not.
   *
   * @throws `gallery/page` for an `after` that is no longer known, `gallery/filter`, `gallery/unknown-key`
   */
  page(options?: GalleryPageOptions): Promise<GalleryPage>
  /**
   * Adds images, replacing those of the same id. Kept when it resolves, whatever happens to the process afterwards.
   *
   * @throws `gallery/write` when there is no room, say: the gallery works on. `gallery/item` for ids that are empty or come twice,
   * `gallery/shape`, and the codes of `assertComparable`.
   */
  add(items: readonly GalleryItem[], vectors: GalleryVectors, options?: OperationOptions): Promise<void>
  /** Changes what is given, keeps the rest. @throws `gallery/unknown-id` before anything is changed. */
  update(changes: readonly GalleryChange[]): Promise<void>
  /** Ids that are not there are no error. Resolves to how many were. */
  remove(ids: readonly string[]): Promise<number>
  /**
   * The nearest images of each query, nearest first.
   *
   * @throws `gallery/filter`, `gallery/unknown-key` naming the keys that there are, `index/k`, the codes of `assertComparable`
   */
  search(queries: Embeddings, k: number, options?: GallerySearchOptions): Promise<GalleryHit[][]>
  /** Vectors of images, one row an id; of a member when named. @throws `gallery/unknown-id`, `gallery/member` */
  vectors(ids: readonly string[], member?: string): Promise<Embeddings<'gallery'>>
  /** What a reranker keeps of the images. @param key tells apart what different models make */
  codes(reranker: string, key: string): GalleryCodes
  /** Brings the search index up to date now, rather than at the next search; after many additions. */
  prepare(options?: OperationOptions): Promise<void>
  /** Makes all vectors anew and switches in one step; until then the old ones serve. */
  rewrite(change: Rewrite, options?: OperationOptions): Promise<void>
  /**
   * Brings a reader up to what writers have acknowledged since; it never sees a part of a change. Costs next to nothing where nothing changed.
   *
   * @returns whether anything changed
   * @throws what opening throws: the reader then stays as it was
   */
  refresh(): Promise<boolean>
  /** Frees the room of replaced and removed images, where that does not happen by itself. */
  compact(options?: OperationOptions): Promise<void>
  /** Ids of image files start at another folder from now on; those that are there stay as they are. Only where the gallery keeps its root. */
  moveRoot?(root: string): Promise<void>
  /** Reads everything and checks it. @throws `gallery/damaged` */
  verify(options?: OperationOptions): Promise<void>
  /** Keeps what makes the next opening cheaper, and lets the next writer in. Later calls wait for the first. */
  close(): Promise<void>
}
