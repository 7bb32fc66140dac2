import {
  type DatasetItem,
  type Encoder,
  isLookalikeError,
  type ModelCost,
  type Preprocessing,
  type TrainerRequest,
} from '@lookalike/core'
import { countMultiplications, float32, readModel } from '@lookalike/onnx'
import { measureValidation } from '../data/measure-validation.js'

/** Runs that are timed; the first before them is not. */
const RUNS = 7

/** Where the accuracies and costs of a run are kept, as `ModelCost[]`. */
export const COSTS_FILE = 'costs.json'

/** A network with its figures on validation images that look for each other. */
export async function measureCost(
  name: string,
  encoder: Encoder,
  validation: readonly DatasetItem[],
  embed: TrainerRequest['embed'],
): Promise<ModelCost> {
  const { embeddings, positions } = await embed(encoder, validation)
  const found = Array.from(positions, (position) => validation[position]!)
  const metrics = await measureValidation(found, embeddings.data, embeddings.dim).catch((error: unknown) => {
    if (isLookalikeError(error, 'train/validation')) return {}
    throw error
  })
  return { name, metrics, ...(await costOf(encoder)) }
}

/** What an image costs by an encoder, on this machine. */
export async function costOf(encoder: Encoder): Promise<Omit<ModelCost, 'name' | 'metrics'>> {
  if (encoder.input.kind !== 'pixels') return {}
  const milliseconds = await timeOf(encoder, encoder.input.preprocessing)
  if (!encoder.onnx) return { milliseconds }
  const { crop, layout } = encoder.input.preprocessing
  const file = await encoder.onnx.bytes()
  const model = readModel(file, { source: encoder.name })
  const stated = model.graph.inputs.find(({ name }) => name === encoder.onnx?.input)?.shape?.[0]
  const images = typeof stated === 'number' ? stated : 1
  const { width, height } = crop
  const shape = layout === 'nchw' ? [images, 3, height, width] : [images, height, width, 3]
  const pixels = float32(new Float32Array(images * 3 * height * width), shape)
  const multiplications = await countMultiplications(model, { [encoder.onnx.input]: pixels })
  return {
    millionMultiplications: multiplications === undefined ? undefined : multiplications / images / 1e6,
    bytes: file.length,
    milliseconds,
  }
}

/** Median, of pixels that lie ready. */
async function timeOf(encoder: Encoder, { crop: { width, height } }: Preprocessing): Promise<number> {
  const batch = { kind: 'pixels', data: new Float32Array(3 * width * height), count: 1 } as const
  await encoder.encode(batch)
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    await encoder.encode(batch)
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[RUNS >> 1]!
}
