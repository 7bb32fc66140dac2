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

/** Starts loading the runtime and compiling its WebAssembly, beside what else there is to do; what is wrong shows when a model is opened. */
export function prepareRuntime(): void {
  loadRuntime()
    // It prepares itself before it reads the model, which is none.
    .then(({ InferenceSession }) => InferenceSession.create(new Uint8Array(1), { logSeverityLevel: 4 }))
    .catch(() => undefined)
}

/** The version of onnxruntime that runs the models. */
export async function runtimeVersion(): Promise<string> {
  return (await loadRuntime()).version
}
