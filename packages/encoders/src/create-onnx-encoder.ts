import { basename } from 'node:path'
import { type Encoder, LookalikeError } from '@lookalike/core'
import { loadModel } from '@lookalike/onnx'
import { createEncoderOfBytes } from './create-encoder-of-bytes.js'
import type { Reading } from './network/complete-network.js'
import { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
import type { PreprocessingChanges } from './network/merge-preprocessing.js'
import { resolvePreprocessing } from './network/resolve-preprocessing.js'

export interface OnnxEncoderOptions extends Reading, Running {
  /** Path or bytes of an ONNX file: float32, float16 or 8-bit weights. */
  readonly model: string | Uint8Array
  /** For people, and part of the space. Default: the file's name without its ending. */
  readonly name?: string | undefined
  /** What it says goes before the model's metadata, or else a `preprocessor_config.json` beside it. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

/**
 * An encoder from any ONNX file that takes images: choose the output, pool it, project it, normalise it.
 *
 * @throws `config/invalid` for a preprocessing with missing or unfitting keys, `encoder/model`, `onnx/file`, `onnx/not-onnx`, `encoder/preprocessing`, `encoder/input`, `encoder/input-shape`, `encoder/output`, `encoder/pooling`.
 * @example
 * const encoder = await createOnnxEncoder({ model: './dino.onnx', pooling: 'class-token' })
 * const pixels = new Float32Array(3 * 224 * 224)
 * const { data } = await encoder.encode({ kind: 'pixels', data: pixels, count: 1 })
 * await encoder.dispose()
 */
export async function createOnnxEncoder({
  model,
  name,
  preprocessing,
  ...options
}: OnnxEncoderOptions): Promise<Encoder> {
  checkModel(model)
  const path = typeof model === 'string' ? model : undefined
  const label = name ?? (path === undefined ? 'onnx' : basename(path).replace(/\.onnx$/, ''))
  if (model instanceof Uint8Array) return createEncoderOfBytes(model, { ...options, name: label, preprocessing })
  const read = await loadModel(model)
  return createNetworkEncoder(label, read, await resolvePreprocessing(preprocessing, read, model, model), options)
}

function checkModel(model: unknown): void {
  if ((typeof model === 'string' && model !== '') || model instanceof Uint8Array) return
  throw new LookalikeError('encoder/model', {
    problem: `The model is ${model === '' ? 'an empty text' : model === null ? 'null' : `of the type ${typeof model}`}`,
    expected: 'the path of an ONNX file, or its bytes as a Uint8Array',
  })
}
