import type { OnnxModel } from '../model/model.js'
import { referTo } from '../model/write-model.js'
import { openSession, type Session, type SessionOptions } from './open-session.js'
import { loadRuntime } from './runtime.js'

/**
 * Opens a model in the runtime (onnxruntime-node, in a browser onnxruntime-web), from plain data, from the bytes of a file or from its path.
 *
 * @throws `onnx/runtime-missing` without it; `onnx/provider` when a provider is not there; `onnx/not-onnx`,
 * `onnx/operator`, `onnx/opset`, `onnx/ir-version`, `onnx/external-data`, `onnx/memory` or, for other causes, `onnx/session` when the
 * runtime refuses the model. `run` throws `onnx/feeds` for missing, unknown or unfitting inputs, `onnx/run` or `onnx/memory` when the
 * runtime fails and `onnx/disposed`.
 * @example
 * const session = await createSession('model.onnx')
 * const { embedding } = await session.run({ pixels: float32(data, [1, 3, 64, 64]) })
 * await session.dispose()
 */
export async function createSession(
  model: OnnxModel | Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  if (typeof model === 'string' || model instanceof Uint8Array) return openSession(model, options)
  const { lends } = await loadRuntime()
  const { bytes, ...weights } = referTo(model, lends)
  return openSession(bytes, options, weights)
}
