import type { Combined } from './combiner.js'
import type { Embeddings } from './embeddings.js'
import type { Encoder } from './encoder.js'
import type { ImageLimits, ImageRequest } from './image.js'
import type { OperationOptions } from './spec.js'

/** Embeddings by the content of their images. */
export interface EmbeddingCache {
  /** Number of distinct keys. */
  readonly size: number
  has(key: string): boolean
  /** The vector of each key, or undefined. */
  get(keys: readonly string[]): (Float32Array | undefined)[]
  /**
   * Appends `keys.length` vectors, row-major. They are safe from the end of this process when it resolves.
   *
   * @throws `cache/write` when the disk is full or the folder may not be written to; the cache then stays readable.
   */
  put(keys: readonly string[], vectors: Float32Array): Promise<void>
  close(): Promise<void>
}

/** How images are read, decoded and embedded. */
export interface EmbedOptions extends OperationOptions, ImageLimits {
  /** Gives the cache of a space; it stays open. Nothing is cached without it. */
  readonly openCache?: ((space: string, dim: number) => Promise<EmbeddingCache>) | undefined
  /** What an image that cannot be read does. Default `skip`. */
  readonly onCorrupt?: 'skip' | 'fail' | undefined
  readonly concurrency?: number | undefined
}

export interface EmbeddedImages {
  /** One row an image that could be read, in order. */
  readonly embeddings: Embeddings
  /** The position of each row's image in the request. */
  readonly positions: Int32Array
}

export interface ModelImages extends EmbeddedImages {
  /** One value a row, larger = less sure; only for gallery images, only where the model has one. */
  readonly uncertainty?: Float32Array | undefined
  /** By name, row by row; only for gallery images, only of the model's `members`. */
  readonly members?: Readonly<Record<string, Embeddings>> | undefined
}

/** An encoder or a combiner, seen from the images' side: images in, comparable vectors out. */
export interface Model {
  readonly name: string
  readonly dim: number
  readonly space: string
  /** Whether query and gallery images are embedded in the same way. */
  readonly symmetric: boolean
  /** Whose work alone a query is; its vectors need not be of the model's space yet. Absent where several encoders ask. */
  readonly queryEncoder?: Encoder | undefined
  /** Whose embeddings a gallery keeps beside those that are searched. */
  readonly members?: readonly { readonly name: string; readonly space: string; readonly dim: number }[] | undefined
  /** Calls with the same array of images share the work of members that both roles use. */
  embed(images: readonly ImageRequest[], role: 'query' | 'gallery', options?: EmbedOptions): Promise<ModelImages>
  /** Gallery vectors from the embeddings of all `members`, without the images; only where there are members. */
  fromMembers?(members: Readonly<Record<string, Embeddings>>): Promise<Combined<'gallery'>>
  /** What the model is to be compared with; they share its work on the same array of images, and end with it. */
  baselines?(): Promise<readonly { readonly name: string; readonly model: Model }[]>
  dispose(): Promise<void>
}
