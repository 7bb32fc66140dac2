import { createHash } from 'node:crypto'
import { LookalikeError, type Preprocessing } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import { loadModel, type OnnxModel, writeModel } from '@lookalike/onnx'
import { imagePart } from '../pair/pair-parts.js'
import { type PairSpec, readPairSpec } from '../pair/pair-spec.js'

export interface LoadedPairModel {
  readonly model: OnnxModel
  readonly spec: PairSpec
  readonly preprocessing: Preprocessing
  /** What `tokensKey` gives. */
  readonly key: string
}

/**
 * Reads a `pair.onnx`.
 *
 * @throws `onnx/file`, `pair/not-a-pair-model`, `pair/size` when its preprocessing makes another size than the network takes.
 */
export async function loadPairModel(file: string): Promise<LoadedPairModel> {
  const model = await loadModel(file)
  const spec = readPairSpec(model, file)
  const found = preprocessingSchema.safeParse(parse(model.metadata['lookalike.preprocessing']))
  if (!found.success) {
    throw new LookalikeError(
      'pair/not-a-pair-model',
      { problem: `${file} does not say how images become its input`, fix: 'Train it again.' },
      { fields: { model: file } },
    )
  }
  const preprocessing = found.data as Preprocessing
  const { crop } = preprocessing
  if (crop.width !== spec.width || crop.height !== spec.height) {
    throw new LookalikeError(
      'pair/size',
      {
        problem: `${file} takes images of ${spec.width} x ${spec.height} pixels, but its preprocessing makes ${crop.width} x ${crop.height}`,
        expected: 'the size that it was made for',
        fix: 'Build the pair model again from an encoder of that size.',
      },
      { fields: { model: file, width: spec.width, height: spec.height, crop } },
    )
  }
  return { model, spec, preprocessing, key: tokensKey(model, spec, preprocessing) }
}

/** The same for all models whose first part, and so whose cached tokens, are the same. */
export function tokensKey(model: OnnxModel, spec: PairSpec, preprocessing: Preprocessing): string {
  const hash = createHash('sha256')
    .update(writeModel({ ...imagePart(model, spec), metadata: {} }))
    .update(JSON.stringify(preprocessing))
  return hash.digest('hex').slice(0, 24)
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
