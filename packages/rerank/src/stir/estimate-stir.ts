import type { EstimateRequest, TrainingEstimate } from '@lookalike/core'
import { type Execution, type Feeds, type OnnxModel, sizeOf } from '@lookalike/onnx'
import { createTrainableModel, selectTrainingData } from '@lookalike/train'
import { NAMES } from '../pair/pair-spec.js'
import { openPair } from './prepare-stir.js'
import { trainedPart } from './trained-part.js'
import type { StirTrainingSettings } from './training-options.js'

/** Images that the encoder's time is measured on. */
const SAMPLE = 8

/** What embedding an image and a step of one chunk of pairs take, times how many of them there are. */
export async function estimateStir(
  settings: StirTrainingSettings,
  request: EstimateRequest,
  threads: number | undefined,
): Promise<TrainingEstimate> {
  const { encoder, seed, onWarning } = request
  const { pair } = await openPair(settings, encoder, seed)
  const { items, validation } = selectTrainingData(request.dataset, settings.validation, seed, onWarning)
  const running: Execution = { providers: settings.providers, threads }
  const images = [...items, ...validation]
  const sample = images.slice(0, SAMPLE)
  const embed = () => request.embed(encoder, sample)
  await embed()
  const embedding = (await timed(embed)) / sample.length

  const part = trainedPart(pair.model, pair.spec, settings.dropout)
  const model = createTrainableModel(part, {
    trainable: pair.trainable,
    outputs: [NAMES.logit],
    chunk: settings.chunk,
    ...running,
  })
  try {
    const feeds = emptyFeeds(part, settings.chunk)
    const upward = async () => ({
      gradients: { [NAMES.logit]: new Float32Array(settings.chunk).fill(1e-3) },
      result: undefined,
    })
    const step = async (only: readonly string[]) => {
      await model.step(feeds, upward, { only })
      request.signal?.throwIfAborted()
      return (await timed(() => model.step(feeds, upward, { only }))) / settings.chunk
    }
    const head = settings.headEpochs > 0 ? await step(pair.head) : 0
    const all = settings.epochs > 0 ? await step(pair.trainable) : 0
    const forward = (await timed(() => model.forward(feeds))) / settings.chunk
    // Of search results at most: lists that are right or wrong as a whole are left out. Of batches: each image with a farthest and a nearest.
    const pairs = items.length * (settings.pairs === 'lists' ? settings.topN : 2)
    // After each epoch, and once four times as long at the end.
    const validated = validation.length * settings.topN * (settings.headEpochs + settings.epochs + 4)
    return {
      parts: [
        { name: 'embedding', count: images.length, unit: 'image', secondsEach: embedding },
        { name: 'training of the head', count: settings.headEpochs * pairs, unit: 'pair', secondsEach: head },
        { name: 'training', count: settings.epochs * pairs, unit: 'pair', secondsEach: all },
        { name: 'validation', count: validated, unit: 'pair', secondsEach: forward },
      ].filter(({ count }) => count > 0),
      bytes: process.memoryUsage.rss() + tokenBytes(settings, pair.spec, images.length),
    }
  } finally {
    await model.dispose()
  }
}

/** Tokens of all images, in half precision, where they are made once. */
function tokenBytes(
  { augmentations }: StirTrainingSettings,
  { fusion, tokens }: { readonly fusion: unknown; readonly tokens: readonly number[] },
  images: number,
): number {
  return fusion !== 0 && augmentations?.length === 0 ? 2 * sizeOf([...tokens]) * images : 0
}

/** Zeros for every input: what they are does not change how long it takes. */
function emptyFeeds({ graph }: OnnxModel, rows: number): Feeds {
  return Object.fromEntries(
    graph.inputs.map(({ name, type, shape }) => {
      const dims = [rows, ...(shape ?? []).slice(1).map(Number)]
      const data = type === 'float16' ? new Uint16Array(sizeOf(dims)) : new Float32Array(sizeOf(dims))
      return [name, { type, shape: dims, data }]
    }),
  ) as Feeds
}

/** Seconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}
