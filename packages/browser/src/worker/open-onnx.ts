import { createEncoderOfBytes } from '@lookalike/encoders/browser'
import { prepareRuntime, useWebRuntime } from '@lookalike/onnx/browser'
import { CACHE, download } from '../download/download.js'
import type { OpenRequest } from './protocol.js'
import type { QueryModel, Report } from './query-model.js'
import { needRuntime, tellOneThread } from './runtime-place.js'

/** Opens an ONNX file as Node does, on WebAssembly: what it says of its preprocessing, the check of its graph, its space. */
export async function openOnnx(request: OpenRequest, report: Report): Promise<QueryModel> {
  if (!('onnx' in request.source)) throw new Error('A folder is opened by the other worker.')
  const { onnx, name, sha256 } = request.source
  useWebRuntime({ folder: needRuntime(request.runtime), threads: request.threads })
  tellOneThread(request.threads, report.onWarning)
  prepareRuntime()
  const bytes =
    typeof onnx === 'string'
      ? await download(
          { url: onnx, sha256 },
          { ...report, onProgress: (progress) => report.onProgress({ phase: 'model', ...progress }) },
        )
      : new Uint8Array(await onnx.arrayBuffer())
  report.onProgress({ phase: 'runtime', loaded: 0, total: undefined })
  const encoder = await createEncoderOfBytes(bytes, { name, cacheFolder: CACHE, onWarning: report.onWarning })
  if (encoder.input.kind !== 'pixels') throw new Error('Networks take pixels.')
  const { space, dim, input } = encoder
  return {
    name,
    space,
    dim,
    device: 'wasm',
    preprocessing: input.preprocessing,
    encode: async (data) => Float32Array.from((await encoder.encode({ kind: 'pixels', data, count: 1 })).data),
    dispose: () => encoder.dispose(),
  }
}
