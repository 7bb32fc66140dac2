import { type ImageAccess, isLookalikeError, LookalikeError, type PluginRef, type Warning } from '@lookalike/core'

/** How a process makes a model of its own: data alone. */
export interface ModelRecipe {
  /** What embeds. Exactly one of `encoder` and `combiner`. */
  readonly encoder?: PluginRef<'encoder'> | undefined
  readonly combiner?: PluginRef<'combiner'> | undefined
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
}

export type TaskKind = 'query' | 'gallery' | 'thumbnail'

/** An image as it travels: no URL objects. */
export interface SentImage {
  readonly source: unknown
  readonly box?: unknown
  /** Of thumbnails: pixels of the longer edge. */
  readonly edge?: number | undefined
}

export interface SentResult {
  /** Of embeddings. */
  readonly vector?: Float32Array
  readonly uncertainty?: number
  readonly members?: Readonly<Record<string, Float32Array>>
  /** Of thumbnails: JPEG. */
  readonly picture?: Uint8Array
  /** Of gallery images and thumbnails. */
  readonly hash?: string
  readonly warnings?: readonly Warning[]
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
  | { readonly type: 'cancel'; readonly batch: number }

export type FromWorker =
  | { readonly type: 'ready'; readonly model: PooledModel & { readonly batchSize: number } }
  | { readonly type: 'failed'; readonly error: SentError }
  | {
      readonly type: 'done'
      readonly batch: number
      readonly results: readonly (SentResult | { readonly error: SentError })[]
    }
  /** The model failed on the batch as a whole. */
  | { readonly type: 'batch-failed'; readonly batch: number; readonly error: SentError }

export function sendError(error: unknown): SentError {
  if (isLookalikeError(error)) return { code: error.code, message: error.message, fields: plain(error.fields) }
  return {
    code: 'internal/unexpected',
    message: error instanceof Error ? error.message : String(error),
    fields: {},
  }
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
