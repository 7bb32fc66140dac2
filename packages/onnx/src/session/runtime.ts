import { LookalikeError } from '@lookalike/core'
// onnxruntime-node, or in a browser onnxruntime-web.
import { runtimePackage, startRuntime } from '#runtime'
import type { Runtime } from './runtime-port.js'

let loading: Promise<Runtime> | undefined

/**
 * Loads the runtime once, when the first session is opened.
 *
 * @throws `onnx/runtime-missing`
 */
export function loadRuntime(): Promise<Runtime> {
  loading ??= startRuntime().catch((cause: unknown) => {
    loading = undefined
    throw new LookalikeError(
      'onnx/runtime-missing',
      {
        problem: `${runtimePackage.name}, which runs the models, could not be loaded`,
        fix: runtimePackage.fix,
      },
      { cause },
    )
  })
  return loading
}

/** The version of onnxruntime that runs the models. */
export async function runtimeVersion(): Promise<string> {
  return (await loadRuntime()).version
}
