import type { Preprocessing } from '@lookalike/core'
import { describePreprocessing } from '@lookalike/image'
import { modelParts, type OnnxModel } from '@lookalike/onnx'
import { platform } from '#platform'

/**
 * `name@hash` of weights, graph and preprocessing: the same for the same vectors on every machine. What a model says about itself (its
 * metadata, its producer) does not count.
 */
export async function spaceOf(name: string, model: OnnxModel, preprocessing: Preprocessing): Promise<string> {
  const hash = await platform.sha256(partsOf(model, preprocessing))
  return `${name}@${hash.slice(0, 16)}`
}

function* partsOf(model: OnnxModel, preprocessing: Preprocessing): Generator<Uint8Array | string> {
  yield* modelParts({ ...model, metadata: {}, producer: '' })
  yield describePreprocessing(preprocessing)
}
