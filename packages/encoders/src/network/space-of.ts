import type { Preprocessing } from '@lookalike/core'
import { describePreprocessing } from '@lookalike/image'
import { modelParts, type OnnxModel } from '@lookalike/onnx'
import { platform } from '#platform'

/**
 * `name@hash` of weights, graph and preprocessing: the same for the same vectors on every machine. What a model says about itself (its
 * metadata, its producer) does not count.
 */
export function spaceOf(name: string, model: OnnxModel, preprocessing: Preprocessing): string {
  const hash = platform.sha256()
  for (const part of modelParts({ ...model, metadata: {}, producer: '' })) hash.update(part)
  hash.update(describePreprocessing(preprocessing))
  return `${name}@${hash.hex().slice(0, 16)}`
}
