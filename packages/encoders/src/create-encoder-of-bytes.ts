import type { Encoder } from '@lookalike/core'
import { readModel } from '@lookalike/onnx'
import type { Reading } from './network/complete-network.js'
import { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
import { mergePreprocessing, type PreprocessingChanges } from './network/merge-preprocessing.js'
import { noPreprocessing, readPreprocessingEntry } from './network/preprocessing-entry.js'

export interface BytesEncoderOptions extends Reading, Running {
  /** For people, and part of the space. */
  readonly name: string
  /** What it says goes before the model's metadata. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

/**
 * An encoder from the bytes of an ONNX file, in Node and in a browser: the same space, and the same vectors within rounding.
 *
 * @throws what `createOnnxEncoder` throws
 */
export async function createEncoderOfBytes(
  bytes: Uint8Array,
  { name, preprocessing, ...options }: BytesEncoderOptions,
): Promise<Encoder> {
  const model = readModel(bytes, { source: name })
  const known = await mergePreprocessing(preprocessing, () => readPreprocessingEntry(model, name))
  if (!known) throw noPreprocessing(name)
  return createNetworkEncoder(name, model, known, options)
}
