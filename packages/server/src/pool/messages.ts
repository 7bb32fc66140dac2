import {
  type Filter,
  type GalleryCodes,
  type ImageAccess,
  LookalikeError,
  type PluginRef,
  type Reranker,
  type Role,
  toWarning,
  type Warning,
} from '@lookalike/core'

/** How a process makes a model of its own: data alone. */
export interface ModelRecipe {
  /** What embeds. Exactly one of `encoder` and `combiner`. */
  readonly encoder?: PluginRef<'encoder'> | undefined
  readonly combiner?: PluginRef<'combiner'> | undefined
  /** What reranks lists, one after the other. Default: none. */
  readonly rerankers?: readonly PluginRef<'reranker'>[] | undefined
  /** Packages, files or `file:` URLs that bring the plugins. */
  readonly plugins: readonly string[]
  /** Plugins are looked up from here, and relative paths in their options start here. */
  readonly folder: string
  /** Default: `.lookalike` in `folder`. */
  readonly cacheFolder?: string | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /** Processor threads of the model in each process. Default: the runtime decides. */
  readonly threads?: number | undefined
  /** How images are read. */
  readonly images?: ImageAccess | undefined
}

/** What the processes made of the recipe. */
export interface PooledModel {
  readonly name: string
  readonly dim: number
  readonly space: string
  /** Whether query and gallery images are embedded in the same way. */
  readonly symmetric: boolean
  readonly members?: readonly { readonly name: string; readonly space: string; readonly dim: number }[] | undefined
  readonly rerankers: readonly Pick<Reranker, 'name' | 'needs' | 'topN'>[]
}

export type TaskKind = 'query' | 'gallery' | 'thumbnail'

/** An image as it travels: no URL objects. */
export interface SentImage {
  readonly source: unknown
  readonly box?: unknown
  /** Of thumbnails: pixels of the longer edge. */
  readonly edge?: number | undefined
}

/** A list to rerank as it travels. */
export interface SentList {
  readonly gallery: { readonly space: string; readonly dim: number }
  /** Of the gallery. */
  readonly version: number
  readonly filter?: Filter | undefined
  readonly includeRejected?: boolean | undefined
  readonly query: { readonly data: Float32Array; readonly role: Role }
  readonly queryImage?: SentImage | undefined
  readonly ids: readonly string[]
  /** One an id. */
  readonly images: readonly (SentImage | undefined)[]
  readonly distances: Float32Array
  /** One row an id. */
  readonly vectors: Float32Array
}

/** What a process that reranks asks of the gallery, which is open in the parent. It searches and pages with the list's filter. */
export type GalleryQuestion =
  | { readonly about: 'page'; readonly after: string | undefined }
  | { readonly about: 'nearest'; readonly queries: Float32Array; readonly role: Role; readonly k: number }
  | ({ readonly about: 'codes'; readonly reranker: string; readonly key: string } & CodesCall)

type CodesCall = {
  [K in keyof GalleryCodes]: { readonly call: K; readonly given: Parameters<GalleryCodes[K]>[0] }
}[keyof GalleryCodes]

export interface GalleryAnswers {
  readonly page: { readonly ids: readonly string[]; readonly vectors: Float32Array; readonly next?: string | undefined }
  readonly nearest: readonly { readonly ids: readonly string[]; readonly distances: Float32Array }[]
  readonly codes: unknown
}

export interface SentResult {
  /** Of embeddings. */
  readonly vector?: Float32Array | undefined
  readonly uncertainty?: number | undefined
  readonly members?: Readonly<Record<string, Float32Array>> | undefined
  /** Of thumbnails: JPEG. */
  readonly picture?: Uint8Array | undefined
  /** Of gallery images and thumbnails. */
  readonly hash?: string | undefined
  /** Of reranked lists: places in the list that was sent, in the new order, and their new distances. */
  readonly order?: Int32Array | undefined
  readonly distances?: Float32Array | undefined
  readonly warnings?: readonly Warning[] | undefined
}

/** An error as it travels. */
export interface SentError {
  readonly code: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export type ToWorker =
  | { readonly type: 'start'; readonly recipe: ModelRecipe }
  | { readonly type: 'run'; readonly batch: number; readonly kind: TaskKind; readonly images: readonly SentImage[] }
  | { readonly type: 'rerank'; readonly batch: number; readonly list: SentList }
  | { readonly type: 'cancel'; readonly batch: number }
  | { readonly type: 'answer'; readonly question: number; readonly answer: unknown }
  | { readonly type: 'answer'; readonly question: number; readonly error: SentError }

export type FromWorker =
  | { readonly type: 'ready'; readonly model: PooledModel & { readonly batchSize: number } }
  | { readonly type: 'failed'; readonly error: SentError }
  | {
      readonly type: 'done'
      readonly batch: number
      readonly results: readonly (SentResult | { readonly error: SentError })[]
    }
  /** A rerank needs more of the gallery. */
  | { readonly type: 'ask'; readonly batch: number; readonly question: number; readonly asked: GalleryQuestion }
  /** The model failed on the batch as a whole. */
  | { readonly type: 'batch-failed'; readonly batch: number; readonly error: SentError }

export function sendError(error: unknown): SentError {
  const { code, message, fields } = toWarning(error)
  return { code, message, fields: plain(fields) }
}

export function receiveError({ code, message, fields }: SentError): LookalikeError {
  return new LookalikeError(code, { problem: message }, { fields })
}

/** What can be said in JSON of an error's facts. */
function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields)) as Record<string, unknown>
  } catch {
    return {}
  }
}
