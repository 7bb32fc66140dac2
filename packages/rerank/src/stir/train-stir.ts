import { createHash } from 'node:crypto'
import path from 'node:path'
import {
  type Augmentation,
  createRandom,
  type DatasetItem,
  definePlugin,
  type Embeddings,
  type ImageRequest,
  LookalikeError,
  type OperationOptions,
  type Random,
  type Sampler,
  SPEC_VERSION,
  selectRows,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
  type Warning,
} from '@lookalike/core'
import {
  checkProviders,
  type Execution,
  float32,
  type OnnxModel,
  readModel,
  type Tensor,
  writeModel,
} from '@lookalike/onnx'
import {
  balanced,
  createOptimizer,
  createTrainableModel,
  randomResizedCrop,
  runTrainingLoop,
  selectTrainingData,
  type TrainableModel,
  type TrainingLoopResult,
  type TrainingTask,
} from '@lookalike/train'
import { buildPairModel, cutModel } from '../pair/build-pair-model.js'
import { pairPart, withDropout } from '../pair/pair-parts.js'
import { NAMES } from '../pair/pair-spec.js'
import { binaryCrossEntropy } from './binary-cross-entropy.js'
import { CACHED_TOKENS, createCodeFiles } from './code-files.js'
import { createCodeStore, isCode } from './code-store.js'
import { createPairScorer, type PairScorer } from './create-pair-scorer.js'
import { fitStageOne } from './fit-stage-one.js'
import type { ImageCode } from './image-code.js'
import { createListBatches } from './list-pairs.js'
import { tokensKey } from './load-pair-model.js'
import { findNeighbourhoods, type MeasuredReranking, measureReranking, SCALES } from './measure-reranking.js'
import { minePairs, type Pairs } from './mine-pairs.js'
import { augmentedBatches, cachedBatches, type PairBatch, type PairBatches, type PlannedBatch } from './pair-batches.js'
import { type StirTrainingOptions, type StirTrainingSettings, stirTrainingSchema } from './training-options.js'

const MASK = 'pair.dropout'
/** Images whose tokens are looked for and made at a time. */
const ENCODED_AT_ONCE = 256

export interface StirParts {
  readonly augmentations: readonly Augmentation[]
  /** Folder of the cached tokens; none are kept without it. */
  readonly cacheFolder?: string | undefined
  /** Processor threads. */
  readonly threads?: number | undefined
}

/**
 * Trains a pair model (STIR: Shabanov, Tarasov, Nikolenko 2023, arXiv 2304.13393) for an encoder that stays as it is: hard pairs of balanced
 * batches by the encoder's embeddings, binary cross-entropy, the new weights first, then everything that sees the pair. Writes `pair.onnx`.
 */
export function createStirTrainer(given: StirTrainingOptions, parts: StirParts): Trainer {
  const settings = stirTrainingSchema.parse(given)
  const { checkpointEvery: _every, logEvery: _lines, ...decisive } = settings
  return {
    specVersion: SPEC_VERSION,
    name: 'stir',
    settings: decisive,
    train: (request) => train(settings, request, parts),
  }
}

async function train(
  settings: StirTrainingSettings,
  request: TrainerRequest,
  { augmentations, cacheFolder, threads }: StirParts,
): Promise<TrainerResult> {
  const { encoder, run, signal } = request
  const { seed } = run
  if (!encoder.onnx || encoder.input.kind !== 'pixels') throw noNetwork(encoder.name)
  await checkProviders(settings.providers)
  const { preprocessing } = encoder.input
  const bytes = await encoder.onnx.bytes()
  const { fusion, direction, stageOne, grid, blocks, dim } = settings
  const pair = await buildPairModel(
    { model: readModel(bytes), output: encoder.onnx.output, preprocessing },
    { fusion, direction, blocks, dim, seed, grid, stageOne },
  )
  const { spec } = pair
  const onPixels = spec.fusion === 0
  const operation: OperationOptions = {
    signal,
    onProgress: request.onProgress,
    onWarning: request.onWarning,
  }

  const all = selectTrainingData(request.dataset, settings.validation, seed, request.onWarning)
  const embed = async (items: readonly DatasetItem[]) => {
    const found = await request.embed(encoder, items)
    return {
      embeddings: found.embeddings,
      items: Array.from(found.positions, (position) => items[position]!),
      positions: found.positions,
    }
  }
  const training = await embed(all.items)
  const labels = training.positions.map((position) => all.labels[position]!)
  const held = await embed(all.validation)
  const running: Execution & { readonly limits: TrainerRequest['images'] } = {
    providers: settings.providers,
    threads,
    limits: request.images,
  }
  /** The pair model without a say of the encoder's distance: so it is trained on hard pairs, and so its logits are measured. */
  const bare = spec.stageOne ? withWeights(pair.model, new Map([[NAMES.scale, float32([0])]])) : pair.model
  const scorer = await createPairScorer(bare, spec, preprocessing, running)
  const encode = async (by: PairScorer, items: readonly DatasetItem[], how: OperationOptions) =>
    (await by.encode(items.map(requestOf), how)).map(readable)
  const kept =
    cacheFolder === undefined || onPixels
      ? undefined
      : createCodeFiles(
          path.join(cacheFolder, CACHED_TOKENS, tokensKey(bare, spec, preprocessing)),
          spec.tokens[0] * spec.tokens[1],
          spec.embedding,
        )
  const store = createCodeStore(scorer.encode, {
    tokens: spec.tokens[0] * spec.tokens[1],
    embedding: spec.embedding,
    memory: 0,
    read: kept ? [kept] : [],
    write: kept,
    limits: request.images,
  })
  const codesOf = async (items: readonly DatasetItem[]) => {
    const found: ImageCode[] = []
    for (let from = 0; from < items.length; from += ENCODED_AT_ONCE) {
      signal?.throwIfAborted()
      const answers = await store.get(
        items.slice(from, from + ENCODED_AT_ONCE).map(requestOf),
        () => true,
        signal ? { signal } : {},
      )
      found.push(...answers.map(readable))
      operation.onProgress?.({ phase: 'encode for pairs', done: found.length, total: items.length, unit: 'image' })
    }
    return found
  }
  const searching = { ...operation, threads }
  const trainingLists =
    settings.pairs === 'lists'
      ? await findNeighbourhoods(training.embeddings, labels, settings.topN, searching)
      : undefined
  const plan = trainingLists
    ? createListBatches(trainingLists, labels, settings.labels * settings.instances)
    : createHardBatches(
        balanced({ labels: settings.labels, instances: settings.instances }, request.onWarning),
        training.embeddings,
        labels,
      )
  const planOf = (epoch: number) => plan(createRandom(seed).fork(`sampler/${epoch}`))

  const seenOnce = !onPixels && augmentations.length === 0
  const codes = seenOnce ? await codesOf(training.items) : []
  const heldCodes = onPixels ? undefined : await codesOf(held.items)
  // Of search results, the encoder's distance tells the truth more often than not: the pair model learns what it leaves open.
  const stageOneTerm = spec.stageOne && trainingLists ? fitStageOne(trainingLists, labels) : undefined
  const start = stageOneTerm
    ? withWeights(
        pair.model,
        new Map([
          [NAMES.scale, float32([stageOneTerm.scale])],
          [NAMES.middle, float32([stageOneTerm.middle])],
        ]),
      )
    : bare
  const whole = onPixels ? cutModel(start, NAMES.logit) : pairPart(start, spec, NAMES.logit)
  const model = createTrainableModel(settings.dropout > 0 ? withDropout(whole, MASK) : whole, {
    trainable: pair.trainable,
    outputs: [NAMES.logit],
    chunk: settings.chunk,
    ...running,
  })
  const batches = seenOnce
    ? cachedBatches(codes, spec)
    : await augmentedBatches(
        { items: training.items, labels, augmentations, preprocessing, seed, limits: request.images },
        spec,
        onPixels ? undefined : scorer,
      )
  // Only tokens that are made anew in every epoch need it any longer.
  if (seenOnce || onPixels) await scorer.dispose()
  try {
    const lists = await findNeighbourhoods(
      held.embeddings,
      held.items.map(({ label }) => label),
      settings.topN,
      searching,
    )
    const scales = !spec.stageOne ? [0] : stageOneTerm ? [stageOneTerm.scale, ...SCALES] : SCALES
    const heldLabels = held.items.map(({ label }) => label)
    const measure = async (): Promise<MeasuredReranking> => {
      const judge = await createPairScorer(withWeights(bare, weightsOf(model)), spec, preprocessing, {
        ...running,
        output: NAMES.logit,
      })
      try {
        // An aborted run still finishes the validation that it is in.
        const seen = heldCodes ?? (await encode(judge, held.items, {}))
        const queries = lists.flatMap(({ query, candidates }) => candidates.map(() => seen[query]!))
        const candidates = lists.flatMap((list) => list.candidates.map((candidate) => seen[candidate]!))
        return measureReranking(lists, heldLabels, await judge.score(queries, candidates), scales)
      } finally {
        await judge.dispose()
      }
    }
    const validate = async () => {
      const { before, after } = await measure()
      return { 'recall@1': after, 'recall@1 before': before }
    }

    const network = createHash('sha256').update(bytes).digest('hex')
    const phase = async (
      name: 'head' | 'all',
      epochs: number,
      learningRate: number,
    ): Promise<TrainingLoopResult | undefined> => {
      if (epochs === 0) return undefined
      const names = name === 'head' ? pair.head : pair.trainable
      const wanted = new Set(names)
      const task = pairTask({
        model,
        names,
        batches,
        planOf: (epoch) => planOf(epoch + (name === 'head' ? 0 : settings.headEpochs)),
        items: training.items,
        settings,
        seed: `${seed}/${name}`,
        firstEpoch: name === 'head' ? 0 : settings.headEpochs,
      })
      const result = await runTrainingLoop(held.items.length > 0 ? { ...task, validate } : task, {
        ...operation,
        optimizer: createOptimizer(
          model.parameters.filter((parameter) => wanted.has(parameter.name)),
          { learningRate },
        ),
        schedule: name === 'head' ? { shape: 'constant', warmUp: 0 } : { shape: 'cosine', final: 0, warmUp: 0 },
        run: run.part(name),
        belongsTo: { network },
        epochs,
        checkpointEvery: settings.checkpointEvery,
        logEvery: settings.logEvery,
        validateEvery: 1,
        monitor: 'recall@1',
        keep: 'best',
        unit: 'pair',
        about: {
          trainer: 'stir',
          fusion: spec.fusion,
          images: training.items.length,
          classes: all.classes.length,
          validationImages: held.items.length,
        },
      })
      for (const parameter of model.parameters) {
        const values = result.weights.get(parameter.name)
        if (values) parameter.data.set(values)
      }
      return result
    }
    const first = await phase('head', settings.headEpochs, settings.headLearningRate)
    const afterHead = weightsOf(model)
    const second =
      first?.stopped === 'aborted'
        ? undefined
        : await phase(
            'all',
            settings.epochs,
            settings.learningRate ?? (onPixels ? 1e-5 : spec.fusion === 'map' ? 2e-3 : 2e-4),
          )
    const headWasBetter = (first?.best?.figures['recall@1'] ?? 0) > (second?.best?.figures['recall@1'] ?? 0)
    if (headWasBetter) for (const { name, data } of model.parameters) data.set(afterHead.get(name)!.data)
    const last = headWasBetter ? first : (second ?? first)
    const scale = spec.stageOne && lists.length > 0 ? (await measure()).scale : undefined
    const figures = last?.best?.figures ?? {}
    const metrics = {
      steps: (first?.steps ?? 0) + (second?.steps ?? 0),
      ...(last && Number.isFinite(last.loss) && { loss: last.loss }),
      ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [`validation ${name}`, value])),
      ...(scale !== undefined && { 'stage one scale': scale }),
    }
    const stopped = (second ?? first)?.stopped ?? 'finished'
    const card = await run.card({
      network,
      data: { images: training.items.length, classes: all.classes.length, validationImages: held.items.length },
      options: settings,
      stopped,
      metrics,
    })
    const trained = withWeights(
      withWeights(start, weightsOf(model)),
      scale === undefined ? new Map() : new Map([[NAMES.scale, float32([scale])]]),
    )
    await run.write('pair.onnx', writeModel({ ...trained, metadata: { ...trained.metadata, 'lookalike.card': card } }))
    await run.artefact('pair', 'pair.onnx')
    return { artefact: 'pair.onnx', metrics, stopped }
  } finally {
    await batches.dispose()
    await model.dispose()
  }
}

interface PairTaskParts {
  readonly model: TrainableModel
  /** What is trained. */
  readonly names: readonly string[]
  readonly batches: PairBatches
  planOf(epoch: number): readonly PlannedBatch[]
  readonly items: readonly DatasetItem[]
  readonly settings: StirTrainingSettings
  readonly seed: string
  readonly firstEpoch: number
}

/** Balanced batches and their hard pairs, as in the paper. @throws when the sampler finds too few classes or images. */
function createHardBatches(
  sampler: Sampler,
  embeddings: Embeddings,
  labels: Int32Array,
): (random: Random) => readonly PlannedBatch[] {
  const plan = (random: Random) =>
    sampler.epoch({ labels }, random).map((positions) => hardPairs(positions, embeddings, labels))
  plan(createRandom(0))
  return plan
}

/** STIR's pairs of a balanced batch. */
function hardPairs(positions: Int32Array, embeddings: Embeddings, labels: Int32Array): PlannedBatch {
  return {
    positions,
    pairs(readable) {
      const { data, dim } = selectRows(embeddings, readable)
      return minePairs(
        data,
        dim,
        readable.map((position) => labels[position]!),
      )
    },
  }
}

/** The pairs of each batch through the network, chunk by chunk; the loss of a pair does not depend on the others. */
function pairTask({
  model,
  names,
  batches,
  planOf,
  items,
  settings,
  seed,
  firstEpoch,
}: PairTaskParts): TrainingTask<PairBatch & { readonly pairs: Pairs }> {
  const trained = new Set(names)
  const sums = new Map(
    model.parameters
      .filter(({ name }) => trained.has(name))
      .map(({ name, data }) => [name, new Float32Array(data.length)]),
  )
  const units = model.parameters.find(({ name }) => name === 'pair.head.fc1.bias')!.data.length
  return {
    batches: (epoch) => planOf(epoch).length,
    async *load(epoch, start) {
      const plan = planOf(epoch)
      let next = start
      for await (const batch of batches.load(
        epoch + firstEpoch,
        plan.map(({ positions }) => positions),
        start,
      ))
        yield { ...batch, pairs: plan[next++]!.pairs(batch.positions) }
    },
    size: ({ pairs }) => pairs.query.length,
    describe: ({ positions }) => Array.from(positions, (position) => items[position]!.id),
    async step(batch, { step }) {
      const { pairs } = batch
      const began = performance.now()
      const count = pairs.query.length
      const random = createRandom(`${seed}/dropout/${step}`)
      for (const sum of sums.values()) sum.fill(0)
      let value = 0
      let accuracy = 0
      for (let start = 0; start < count; start += settings.chunk) {
        const end = Math.min(count, start + settings.chunk)
        const size = end - start
        // The last chunk repeats its first pair: one graph serves all, and what is repeated gets no gradient.
        const padded = (from: Int32Array) =>
          Int32Array.from({ length: settings.chunk }, (_, i) => from[i < size ? start + i : start]!)
        const feeds = {
          ...batch.feeds(padded(pairs.query), padded(pairs.candidate)),
          ...(settings.dropout > 0 && { [MASK]: dropoutMask(settings.chunk, units, settings.dropout, random) }),
        }
        const share = size / count
        const { result, gradients } = await model.step(
          feeds,
          async (outputs) => {
            const loss = binaryCrossEntropy(
              outputs[NAMES.logit]!.data.subarray(0, size),
              pairs.different.subarray(start, end),
            )
            const gradient = new Float32Array(settings.chunk)
            loss.gradient.forEach((one, i) => (gradient[i] = one * share))
            return { gradients: { [NAMES.logit]: gradient }, result: loss }
          },
          { only: names },
        )
        value += result.value * share
        accuracy += result.accuracy * share
        for (const [name, sum] of sums) {
          const gradient = gradients.get(name)!
          for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!
        }
      }
      return { value, gradients: sums, logs: { accuracy, pairs: count }, times: { step: performance.now() - began } }
    },
  }
}

/** 0 for units that are left out, 1 / (1 - share) for the others, so that the sum stays what it is in the mean. */
function dropoutMask(rows: number, units: number, share: number, random: { next(): number }) {
  return float32(
    Float32Array.from({ length: rows * units }, () => (random.next() < share ? 0 : 1 / (1 - share))),
    [rows, units],
  )
}

const weightsOf = (model: TrainableModel) =>
  new Map(model.parameters.map(({ name, shape, data }) => [name, float32(data.slice(), shape)]))

function withWeights(model: OnnxModel, weights: ReadonlyMap<string, Tensor>): OnnxModel {
  return { ...model, graph: { ...model.graph, initializers: new Map([...model.graph.initializers, ...weights]) } }
}

/** Whatever could be embedded can be read. */
function readable(code: ImageCode | Warning): ImageCode {
  if (!isCode(code)) throw new LookalikeError(code.code, { problem: code.message }, { fields: code.fields })
  return code
}

const requestOf = ({ source, box }: DatasetItem): ImageRequest => ({ source, ...(box && { box }) })

function noNetwork(encoder: string): LookalikeError {
  return new LookalikeError(
    'pair/no-network',
    {
      problem: `The encoder ${encoder} is not an ONNX network, so no pair model can be made of it`,
      expected: 'an encoder with a network: vit, onnx, mini, ...',
      fix: 'Choose another encoder.',
    },
    { fields: { encoder } },
  )
}

export const stirTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'stir',
  description: "Trains a pair model that reranks the encoder's results (STIR); the encoder stays as it is.",
  options: stirTrainingSchema,
  async create(settings, context) {
    const { cacheFolder, threads } = context
    const augmentations: Augmentation[] = settings.augmentations ? [] : [randomResizedCrop({ scale: [0.8, 1] })]
    for (const ref of settings.augmentations ?? []) augmentations.push(await context.create('augmentation', ref))
    return createStirTrainer(settings, { augmentations, cacheFolder, threads })
  },
})
