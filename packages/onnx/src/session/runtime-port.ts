import type * as OnnxRuntime from 'onnxruntime-node'

/** What runs the models: onnxruntime-node or, in a browser, onnxruntime-web. */
export interface Runtime {
  readonly InferenceSession: Pick<typeof OnnxRuntime.InferenceSession, 'create'>
  readonly Tensor: typeof OnnxRuntime.Tensor
  /** The execution providers that this build brings. */
  listSupportedBackends(): readonly { readonly name: string }[]
  /** Threads where nobody says how many: the number of cores. */
  readonly defaultThreads: number
  readonly version: string
  /** Whether it takes weights from memory beside the model. */
  readonly lends: boolean
}

export type RuntimeSession = OnnxRuntime.InferenceSession
export type RuntimeSettings = OnnxRuntime.InferenceSession.SessionOptions
