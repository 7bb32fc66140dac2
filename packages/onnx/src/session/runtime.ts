import { LookalikeError } from '@lookalike/core'
import type * as OnnxRuntime from 'onnxruntime-node'

/** What is used of onnxruntime's JavaScript API: the same in onnxruntime-node and onnxruntime-web. */
export interface Runtime {
  readonly InferenceSession: Pick<typeof OnnxRuntime.InferenceSession, 'create'>
  readonly Tensor: typeof OnnxRuntime.Tensor
  /** The execution providers that this build brings. */
  listSupportedBackends(): readonly { readonly name: string }[]
  /** Threads where nobody says how many: the number of cores. */
  readonly defaultThreads: number
  readonly version: string
}

export type RuntimeSession = OnnxRuntime.InferenceSession
export type RuntimeSettings = OnnxRuntime.InferenceSession.SessionOptions

let loading: Promise<Runtime> | undefined

/**
 * Loads onnxruntime-node once, when the first session is opened.
 *
 * @throws `onnx/runtime-missing`
 */
export function loadRuntime(): Promise<Runtime> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined
    throw new LookalikeError(
      'onnx/runtime-missing',
      {
        problem: 'onnxruntime-node, which runs the models, could not be loaded',
        fix: 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
      },
      { cause },
    )
  })
  return loading
}

async function load(): Promise<Runtime> {
  const [{ env, InferenceSession, Tensor, listSupportedBackends }, { availableParallelism }] = await Promise.all([
    import('onnxruntime-node'),
    import('node:os'),
  ])
  return {
    InferenceSession,
    Tensor,
    listSupportedBackends,
    defaultThreads: availableParallelism(),
    version: env.versions.node ?? env.versions.common,
  }
}

/** The version of onnxruntime that runs the models. */
export async function runtimeVersion(): Promise<string> {
  return (await loadRuntime()).version
}
