import { availableParallelism } from 'node:os'
import path from 'node:path'
import {
  type Augmentation,
  concat,
  createRandom,
  type DatasetItem,
  definePlugin,
  type Encoder,
  type EstimateRequest,
  LookalikeError,
  type ModelCost,
  type PluginContext,
  type PluginRef,
  type Preprocessing,
  pluginRef,
  type Reference,
  type Sampler,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
  type UnboundLoss,
  type Warning,
  writeReference,
} from '@lookalike/core'
import { loadBatches } from '@lookalike/image'
import {
  type Budget,
  budgetSchema,
  checkProviders,
  createSession,
  extractModel,
  type Feeds,
  float32,
  type QuantisedWeight,
  quantisedWeights,
  readModel,
  trainableInitializers,
  withInitializers,
} from '@lookalike/onnx'
import { z } from 'zod'
import { COSTS_FILE, measureCost } from '../budget/measure-costs.js'
import { measureValidation } from '../data/measure-validation.js'
import { selectTrainingData, type TrainingData } from '../data/select-training-data.js'
import { createBatchLoader } from '../loading/create-batch-loader.js'
import type { AugmentationOrigin } from '../loading/create-fillers.js'
import type { TrainingImage } from '../loading/training-image.js'
import { addDropouts, countBlocks } from '../model/add-dropouts.js'
import { addHead, HEAD, headSchema } from '../model/add-head.js'
import { createTrainableModel, type TrainableModel } from '../model/create-trainable-model.js'
import { matcher, matchNames } from '../model/match-names.js'
import { rowsOf } from '../model/rows.js'
import { splitFrozen } from '../model/split-frozen.js'
import { commonOptions, decisiveSettings } from './common-options.js'
import { createDistillation, type Distillation } from './distillation.js'
import type { EmbeddingBatch } from './embedding-training.js'
import { estimateEmbedding } from './estimate-embedding.js'
import { createFrozenOutputs } from './frozen-outputs.js'
import { hashBytes, trainEmbedding } from './train-embedding.js'

const fields = z.strictObject({
  ...commonOptions,
  augmentations: z
    .array(pluginRef('augmentation'))
    .prefault(['random-resized-crop', 'flip'])
    .describe('What happens to each image before it is shown, in this order.'),
  head: headSchema
    .exactOptional()
    .describe("A new head on the encoder's output. Default: none, the encoder's own output is trained."),
  freeze: z
    .array(z.string().min(1))
    .default([])
    .describe('Weights that are not trained: names, with * for any characters.'),
  cacheFrozen: z
    .strictObject({
      views: z.int().min(1).default(1).describe('Different augmentations of each image; one an epoch, in turn.'),
    })
    .exactOptional()
    .describe(
      'With freeze, which then must name all layers in front of those that are trained: what the frozen layers make of an image is computed once for each view and kept, within memory. Default: anew at each step.',
    ),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'Stochastic depth: share of the images for which the last block is left out at each step; it rises evenly from 0 at the first block. Off outside of training.',
    ),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('Share of the values in front of the head that are left out at each step. Off outside of training.'),
  headOnlyEpochs: z
    .number()
    .min(0)
    .default(0)
    .describe("Epochs in the beginning in which only the head and the loss's own parameters are trained."),
  chunk: z
    .int()
    .min(1)
    .exactOptional()
    .describe(
      'Images that go through the network at once; memory grows with it, and not with the batch. Default: 64 at 64 x 64 pixels, fewer of larger ones.',
    ),
  edge: z
    .int()
    .min(1)
    .exactOptional()
    .describe("Images are decoded to this shorter edge in pixels. Default: twice the model's input."),
  memory: z.int().min(0).default(1024).describe('Decoded images that stay in memory, in MiB.'),
  workers: z
    .int()
    .min(0)
    .max(64)
    .exactOptional()
    .describe('Threads that load and augment images; 0 does it between the steps. Default: 1, with 8 cores or more 2.'),
  teacher: z
    .strictObject({
      encoder: pluginRef('encoder').describe('The model to learn from.'),
      weight: z
        .number()
        .positive()
        .default(1)
        .describe("Of the mean of 1 - cos(embedding, teacher's embedding), which is added to the loss."),
    })
    .exactOptional()
    .describe('Knowledge distillation: embeddings are to meet those of a larger model, which has as many dimensions.'),
  budget: budgetSchema
    .exactOptional()
    .describe(
      "Trains the largest light network within these bounds in place of the config's encoder; with a teacher its embeddings are as long as the teacher's. Its accuracy and cost are written to costs.json, beside those of builtin, mini and the teacher.",
    ),
  onCorrupt: z
    .enum(['skip', 'fail'])
    .default('skip')
    .describe('What an unreadable image does: another of its class stands in, with a warning, or the run ends.'),
})
const options = fields.refine(
  ({ budget, head }) => budget === undefined || head === undefined,
  'a network that is proposed within a budget has a head already: leave out "head"',
)

export type MetricLearningOptions = z.input<typeof options>
type Settings = z.output<typeof options>

/** The parts that options only name. */
export interface MetricLearningParts {
  readonly loss: UnboundLoss
  readonly sampler: Sampler
  readonly augmentations: readonly Augmentation[]
  /** Where worker threads find the augmentations again; without it images are loaded in the main thread. */
  readonly origins?: readonly AugmentationOrigin[] | undefined
  /** Opens the teacher; needed where the options name one. */
  readonly teacher?: (() => Promise<Encoder>) | undefined
  /** Opens other encoders by name; needed where the options have a budget. */
  readonly encoder?: ((ref: PluginRef<'encoder'>) => Promise<Encoder>) | undefined
  /** Processor threads. */
  readonly threads?: number | undefined
}

/** Trains an encoder so that images of one class come to lie together. */
export function metricLearning(given: MetricLearningOptions, parts: MetricLearningParts): Trainer {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'metric-learning',
    settings: decisiveSettings(settings),
    train: (request) =>
      settings.budget ? trainWithin(settings.budget, request, settings, parts) : train(request, settings, parts),
    estimate: (request) =>
      settings.budget
        ? withStudent(settings.budget, request, parts, (own) => estimate(own, settings, parts))
        : estimate(request, settings, parts),
  }
}

/** What a budget compares the network with besides the teacher. */
const KNOWN = ['builtin', 'mini']

/** The network that is proposed in place of the request's encoder. */
async function withStudent<R extends Pick<TrainerRequest, 'encoder'>, T>(
  budget: Budget,
  request: R,
  parts: MetricLearningParts,
  work: (request: R) => Promise<T>,
): Promise<T> {
  const teacher = await parts.teacher?.()
  await teacher?.dispose()
  const student = await opener(parts)({ use: 'light', ...budget, embeddingDim: teacher?.dim })
  try {
    return await work({ ...request, encoder: student })
  } finally {
    await student.dispose()
  }
}

/** Trains within a budget, and measures what came of it beside networks that are there without training. */
async function trainWithin(
  budget: Budget,
  request: TrainerRequest,
  settings: Settings,
  parts: MetricLearningParts,
): Promise<TrainerResult> {
  const result = await withStudent(budget, request, parts, (own) => train(own, settings, parts))
  if (result.stopped === 'aborted') return result
  const open = opener(parts)
  // Warnings came when the images were chosen for training.
  const { validation } = selectTrainingData(request.dataset, settings.validation, request.run.seed, undefined, {
    orImages: true,
  })
  const model = path.join(request.run.folder, result.artefact)
  const compared: readonly (readonly [string, () => Promise<Encoder>])[] = [
    ['light', () => open({ use: 'onnx', name: 'light', model })],
    ...KNOWN.map((name) => [name, () => open(name)] as const),
    ...(parts.teacher ? [['teacher', parts.teacher] as const] : []),
  ]
  const costs: ModelCost[] = []
  for (const [name, create] of compared) {
    request.signal?.throwIfAborted()
    const encoder = await create()
    try {
      costs.push(await measureCost(name, encoder, validation, request.embed))
    } finally {
      await encoder.dispose()
    }
  }
  await request.run.write(COSTS_FILE, `${JSON.stringify(costs, null, 2)}\n`)
  return { ...result, costs }
}

function opener({ encoder }: MetricLearningParts) {
  if (!encoder) throw new TypeError('The options have a budget, and the parts open no encoders.')
  return encoder
}

/** A network ready to be trained, and the images that it is trained on. */
async function openTraining(request: EstimateRequest, settings: Settings, parts: MetricLearningParts) {
  const { encoder, onWarning, seed } = request
  const { onnx, preprocessing } = trainableEncoder(encoder)
  await checkProviders(settings.providers)
  const data = selectTrainingData(request.dataset, settings.validation, seed, onWarning, { orImages: true })
  const bytes = await onnx.bytes()
  const whole = readModel(bytes, { source: encoder.name })
  const network = settings.head
    ? addHead(whole, onnx.output, encoder.dim, seed, settings.head)
    : { model: whole, output: onnx.output, dim: encoder.dim }
  const names = trainableInitializers(network.model, [network.output])
  const quantised = quantisedWeights(network.model, [network.output])
  if (quantised.length > 0) onWarning?.(quantisedWarning(encoder.name, quantised))
  const frozen = matchNames(settings.freeze, names, 'freeze')
  const chunk = settings.chunk ?? usualChunk(preprocessing)
  const trainable = names.filter((name) => !frozen.has(name))
  const split = settings.cacheFrozen && splitFrozen(network.model, trainable, onnx.input, network.output)
  const dropouts = addDropouts(split?.trained ?? network.model, {
    ...settings,
    blocksBefore: split && countBlocks(split.frozen),
  })
  const model = createTrainableModel(dropouts.model, {
    outputs: [network.output],
    trainable,
    chunk,
    providers: settings.providers,
    threads: parts.threads,
  })
  const loader = await openLoader(request, settings, parts, data, preprocessing)
  const feedsOf = (pixels: Float32Array): Feeds => ({
    [onnx.input]: float32(pixels, inputShape(pixels, preprocessing)),
  })
  const outputs =
    split &&
    (await createFrozenOutputs({
      split,
      loader,
      images: data.items.length,
      views: settings.cacheFrozen!.views,
      chunk,
      memory: settings.memory * 2 ** 20,
      execution: { providers: settings.providers, threads: parts.threads },
      feedsOf,
    }))
  const dispose = async () => {
    await outputs?.dispose()
    await loader.dispose()
    await model.dispose()
  }
  return { onnx, preprocessing, data, bytes, whole, network, chunk, model, dropouts, loader, outputs, feedsOf, dispose }
}

async function train(request: TrainerRequest, settings: Settings, parts: MetricLearningParts) {
  const { encoder } = request
  const opened = await openTraining({ ...request, seed: request.run.seed }, settings, parts)
  const { onnx, preprocessing, data, bytes, whole, network, model, dropouts, loader, outputs, feedsOf } = opened
  const random = createRandom(request.run.seed).fork('dropouts')
  const measureOn = (forward: (feeds: Feeds) => Promise<Float32Array>, dim: number) =>
    measureImages(request, settings, data.validation, preprocessing, dim, (pixels) => forward(feedsOf(pixels)))
  try {
    const distillation =
      settings.teacher && (await learnFrom(settings.teacher.weight, data.items, network.dim, request, settings, parts))
    return await trainEmbedding({
      request,
      trainer: 'metric-learning',
      settings,
      options: settings,
      data,
      sampler: parts.sampler,
      loss: parts.loss,
      model,
      output: network.output,
      dim: network.dim,
      network: hashBytes(bytes),
      headOnly: settings.headOnlyEpochs > 0 ? { epochs: settings.headOnlyEpochs, names: headNames(model) } : undefined,
      distillation,
      about: { workers: loader.workers },
      preprocessing,
      async *load(epoch, batches, start) {
        let number = start
        const thinned = ({ positions, feeds }: EmbeddingBatch) => ({
          positions,
          feeds: { ...feeds, ...dropouts.feeds(positions.length, random.fork(`${epoch}/${number++}`)) },
        })
        if (outputs) {
          for (const batch of batches.slice(start))
            yield thinned(await outputs.ofView(epoch % settings.cacheFrozen!.views, batch))
          return
        }
        for await (const { positions, pixels } of loader.epoch(epoch, batches, start))
          yield thinned({ positions, feeds: feedsOf(pixels) })
      },
      async embedValidation(weights) {
        const forward = async (feeds: Feeds) =>
          model.forward(
            { ...(outputs ? await outputs.ofPixels(feeds) : feeds), ...dropouts.feeds(rowsOf(feeds)) },
            { weights },
          )
        return measureOn(async (feeds) => (await forward(feeds))[network.output]!.data, network.dim)
      },
      untuned: {
        network: extractModel(whole, { outputs: [onnx.output] }),
        dim: encoder.dim,
        async measure() {
          const session = await createSession(whole, { providers: settings.providers, threads: parts.threads })
          try {
            return await measureOn(
              async (feeds) => (await session.run(feeds))[onnx.output]!.data as Float32Array,
              encoder.dim,
            )
          } finally {
            await session.dispose()
          }
        },
      },
      finish: (weights) =>
        withInitializers(
          network.model,
          model.parameters.map(({ name, shape, data: values }) => [
            name,
            float32((weights.get(name) ?? values).slice(), shape),
          ]),
        ),
    })
  } finally {
    await opened.dispose()
  }
}

/** One step of as many images as go through the network at once, or two where a batch goes through in chunks: it shows what an image costs. */
async function estimate(request: EstimateRequest, settings: Settings, parts: MetricLearningParts) {
  const opened = await openTraining(request, settings, parts)
  const { data, model, network, chunk, preprocessing, dropouts, loader, outputs, feedsOf } = opened
  try {
    const sample = (batch: Int32Array) => batch.subarray(0, batch.length <= chunk ? batch.length : 2 * chunk)
    return await estimateEmbedding({
      request,
      settings,
      data,
      sampler: parts.sampler,
      loss: parts.loss,
      model,
      output: network.output,
      dim: network.dim,
      workers: loader.workers,
      bytesAhead: 4 * 3 * preprocessing.crop.width * preprocessing.crop.height,
      bytesKept: Math.min(settings.memory * 2 ** 20, data.items.length * 3 * edgeOf(settings, preprocessing) ** 2),
      async load(batch) {
        const rows = sample(batch)
        for await (const { pixels } of loader.epoch(0, [rows], 0)) {
          const feeds = feedsOf(pixels)
          return {
            feeds: { ...(outputs ? await outputs.ofPixels(feeds) : feeds), ...dropouts.feeds(rows.length) },
            rows: rows.length,
          }
        }
        throw new TypeError('The loader gave no batch.')
      },
    })
  } finally {
    await opened.dispose()
  }
}

const edgeOf = ({ edge }: Settings, { crop }: Preprocessing) => edge ?? 2 * Math.max(crop.width, crop.height)

function openLoader(
  { seed, images, onWarning }: EstimateRequest,
  settings: Settings,
  { augmentations, origins }: MetricLearningParts,
  { items, labels }: TrainingData,
  preprocessing: Preprocessing,
) {
  return createBatchLoader({
    images: items.map(trainingImage),
    labels,
    augmentations,
    origins,
    preprocessing,
    edge: edgeOf(settings, preprocessing),
    seed,
    limits: images,
    memory: settings.memory * 2 ** 20,
    workers: settings.workers ?? (availableParallelism() >= 8 ? 2 : 1),
    onCorrupt: settings.onCorrupt,
    onWarning,
  })
}

/** Figures of images, embedded as `forward` does it. */
async function measureImages(
  { images, signal, onWarning }: TrainerRequest,
  { chunk, onCorrupt }: Settings,
  items: readonly DatasetItem[],
  preprocessing: Preprocessing,
  dim: number,
  forward: (pixels: Float32Array) => Promise<Float32Array>,
) {
  const rows: DatasetItem[] = []
  const parts: Float32Array[] = []
  const requests = items.map(({ source, box }) => ({ source, box }))
  const batchSize = chunk ?? usualChunk(preprocessing)
  const batches = loadBatches(requests, preprocessing, { batchSize, ...images, onCorrupt, signal, onWarning })
  for await (const { batch, positions, release } of batches) {
    parts.push(await forward(batch.data))
    rows.push(...positions.map((position) => items[position]!))
    release()
  }
  return measureValidation(rows, concat([new Float32Array(), ...parts]), dim)
}

/** The teacher's embeddings of the training images; it is gone afterwards. */
async function learnFrom(
  weight: number,
  items: readonly DatasetItem[],
  dim: number,
  { embed }: TrainerRequest,
  { onCorrupt }: Settings,
  parts: MetricLearningParts,
): Promise<Distillation> {
  if (!parts.teacher) throw new TypeError('The options name a teacher, and the parts have none.')
  const teacher = await parts.teacher()
  try {
    return await createDistillation(teacher, items, dim, weight, (by, images) => embed(by, images, { onCorrupt }))
  } finally {
    await teacher.dispose()
  }
}

/** What can be trained, of an encoder. @throws `train/encoder` */
export function trainableEncoder(encoder: Encoder): {
  readonly onnx: NonNullable<Encoder['onnx']>
  readonly preprocessing: Preprocessing
} {
  if (encoder.onnx && encoder.input.kind === 'pixels')
    return { onnx: encoder.onnx, preprocessing: encoder.input.preprocessing }
  throw new LookalikeError(
    'train/encoder',
    {
      problem: `The encoder ${encoder.name} is no ONNX network that takes pixels, so it cannot be trained`,
      expected: 'an encoder such as onnx, vit, conv-net or a pretrained preset',
    },
    { fields: { encoder: encoder.name } },
  )
}

function quantisedWarning(encoder: string, quantised: readonly QuantisedWeight[]): Warning {
  const [first] = quantised
  return {
    code: 'train/quantised-weights',
    message:
      `${quantised.length} weights of ${encoder} are stored as small integers (${first!.name}: ${first!.type}) and are not trained, only what is float32: ` +
      'export it in float32, or train a head on it.',
    fields: { encoder, weights: quantised.map(({ name }) => name) },
  }
}

/** The head that was put on here, or a network's own. */
function headNames({ parameters }: TrainableModel): string[] {
  const isHead = matcher([`${HEAD}*`, 'lookalike.projection.*', 'head.*'])
  return parameters.map(({ name }) => name).filter(isHead)
}

/** Ours: about the activations of 64 images of 64 x 64 pixels. */
const usualChunk = ({ crop }: Preprocessing) =>
  Math.max(4, Math.min(128, Math.round((64 * 64 * 64) / (crop.width * crop.height))))

function inputShape(pixels: Float32Array, { crop: { width, height }, layout }: Preprocessing): number[] {
  const count = pixels.length / (3 * width * height)
  return layout === 'nchw' ? [count, 3, height, width] : [count, height, width, 3]
}

function trainingImage({ source, box }: DatasetItem): TrainingImage {
  return { source: source instanceof URL ? source.href : source, box }
}

function originsOf(
  references: readonly Reference<'augmentation'>[],
  context: PluginContext,
): AugmentationOrigin[] | undefined {
  const origins = references.map((reference) => ({
    ref: writeReference(reference),
    url: context.origin('augmentation', reference.use).url,
  }))
  return origins.every((origin): origin is AugmentationOrigin => origin.url !== undefined) ? origins : undefined
}

export const metricLearningPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'metric-learning',
  description: 'Fine-tunes an encoder, or trains one from scratch, so that images of one class come to lie together.',
  options,
  async create(settings, context) {
    await checkProviders(settings.providers)
    const augmentations: Augmentation[] = []
    for (const ref of settings.augmentations) augmentations.push(await context.create('augmentation', ref))
    return metricLearning(settings, {
      loss: await context.create('loss', settings.loss),
      sampler: await context.create('sampler', settings.sampler),
      augmentations,
      origins: originsOf(settings.augmentations, context),
      teacher: settings.teacher && (() => context.create('encoder', settings.teacher!.encoder)),
      encoder: (ref) => context.create('encoder', ref),
      threads: context.threads,
    })
  },
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    'metric-learning': MetricLearningOptions
  }
}
