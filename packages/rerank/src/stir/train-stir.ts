import {
  type Augmentation,
  definePlugin,
  SPEC_VERSION,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
} from '@lookalike/core'
import { checkProviders, float32, type OnnxModel, withInitializers, writeModel } from '@lookalike/onnx'
import { createTrainableModel, randomResizedCrop, type TrainableModel } from '@lookalike/train'
import type { ImageCode } from '../codes/image-code.js'
import { NAMES } from '../pair/pair-spec.js'
import { createPairScorer } from './create-pair-scorer.js'
import { estimateStir } from './estimate-stir.js'
import type { StageOneTerm } from './fit-stage-one.js'
import { augmentedBatches, cachedBatches, type PairBatches } from './pair-batches.js'
import { weightsOf } from './pair-weights.js'
import { planPairs } from './plan-pairs.js'
import { prepareStir, type StirTraining } from './prepare-stir.js'
import type { StirParts } from './stir-parts.js'
import { type TrainedPhases, trainPhases } from './train-phases.js'
import { trainedPart } from './trained-part.js'
import { createTrainingCodes } from './training-codes.js'
import { type StirTrainingOptions, type StirTrainingSettings, stirTrainingSchema } from './training-options.js'
import { createPairValidation, type PairValidation } from './validate-pairs.js'

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
    estimate: (request) => estimateStir(settings, request, parts.threads),
  }
}

async function train(
  settings: StirTrainingSettings,
  request: TrainerRequest,
  parts: StirParts,
): Promise<TrainerResult> {
  const training = await prepareStir(settings, request, parts)
  const { spec } = training.pair
  const { planOf, stageOne } = await planPairs(training)
  const start = startOf(training, stageOne)
  const { batches, heldCodes } = await openBatches(training, parts)
  const model = trainableOf(training, start)
  try {
    const { lists, measure, propose } = await createPairValidation(training, model, heldCodes, stageOne)
    const validate = async () => {
      const { before, after } = await measure()
      return { 'recall@1': after, 'recall@1 before': before }
    }
    const phases = await trainPhases(training, {
      model,
      batches,
      planOf,
      validate: training.held.items.length > 0 ? validate : undefined,
    })
    const scale = spec.stageOne && lists > 0 ? (await measure()).scale : undefined
    const proposal = lists > 0 && phases.stopped !== 'aborted' ? await propose(scale ?? 0) : undefined
    if (proposal) await tellProposal(training, proposal)
    return await writePair(training, phases, withInitializers(start, weightsOf(model)), scale, proposal)
  } finally {
    await batches.dispose()
    await model.dispose()
  }
}

/** The network that training starts from. */
function startOf({ pair, bare }: StirTraining, stageOne: StageOneTerm | undefined): OnnxModel {
  if (!stageOne) return bare
  return withInitializers(pair.model, [
    [NAMES.scale, float32([stageOne.scale])],
    [NAMES.middle, float32([stageOne.middle])],
  ])
}

/** The part of it that is trained. */
function trainableOf({ pair, settings, running }: StirTraining, start: OnnxModel): TrainableModel {
  return createTrainableModel(trainedPart(start, pair.spec, settings.dropout), {
    trainable: pair.trainable,
    outputs: [NAMES.logit],
    chunk: settings.chunk,
    ...running,
  })
}

/** The training images' batches, and the tokens of the held-out images where the pair model sees tokens. */
async function openBatches(
  training: StirTraining,
  { augmentations, cacheFolder }: StirParts,
): Promise<{ readonly batches: PairBatches; readonly heldCodes: readonly ImageCode[] | undefined }> {
  const { bare, preprocessing, running, request, held } = training
  const { spec } = training.pair
  const onPixels = spec.fusion === 0
  const seenOnce = !onPixels && augmentations.length === 0
  const scorer = await createPairScorer(bare, spec, preprocessing, running)
  try {
    const codesOf = createTrainingCodes(training, scorer, cacheFolder)
    const codes = seenOnce ? await codesOf(training.training.items) : []
    const heldCodes = onPixels ? undefined : await codesOf(held.items)
    if (seenOnce) return { batches: cachedBatches(codes, spec), heldCodes }
    const { items, labels } = training.training
    const images = { items, labels, augmentations, preprocessing, seed: request.run.seed, limits: request.images }
    return { batches: await augmentedBatches(images, spec, onPixels ? undefined : scorer), heldCodes }
  } finally {
    // Only tokens that are made anew in every epoch need it any longer; it goes with their batches.
    if (seenOnce || onPixels) await scorer.dispose()
  }
}

/** Into the log, with what a pair costs here; and a warning where reranking is not worth it. */
async function tellProposal(
  { request: { run, onWarning } }: StirTraining,
  { figures, topN, millisecondsPerPair }: Proposal,
): Promise<void> {
  await run.log.write({
    event: 'proposal',
    topN,
    millisecondsPerPair,
    curve: figures.map((one) => ({ ...one, millisecondsPerQuery: one.topN * millisecondsPerPair })),
  })
  const best = Math.max(...figures.map(({ after }) => after))
  if (topN > 1) return
  const before = figures[0]!.after
  onWarning?.({
    code: 'pair/nothing-gained',
    message:
      `Reranking gained nothing that stands out from chance: CMC@1 on the held-out classes is ${percent(before)} % before it and ${percent(best)} % at best. ` +
      'The plain search is as good. More training classes, or an encoder that errs on them, may help.',
    fields: { before, best },
  })
}

const percent = (share: number) => (100 * share).toFixed(1)

/** Writes the trained pair model with its card. */
async function writePair(
  { settings, request: { run }, network, data }: StirTraining,
  { steps, stopped, kept }: TrainedPhases,
  model: OnnxModel,
  scale: number | undefined,
  proposal: Proposal | undefined,
): Promise<TrainerResult> {
  const figures = Object.entries(kept?.best?.figures ?? {})
  const metrics = {
    steps,
    ...(kept && Number.isFinite(kept.loss) && { loss: kept.loss }),
    ...Object.fromEntries(figures.map(([name, value]) => [`validation ${name}`, value])),
    ...(scale !== undefined && { 'stage one scale': scale }),
    ...(proposal && proposedMetrics(proposal)),
  }
  const card = await run.card({ network, data, options: settings, stopped, metrics })
  const trained = scale === undefined ? model : withInitializers(model, [[NAMES.scale, float32([scale])]])
  await run.write('pair.onnx', writeModel({ ...trained, metadata: { ...trained.metadata, 'lookalike.card': card } }))
  await run.artefact('pair', 'pair.onnx')
  const usedBy = {
    kind: 'reranker',
    use: 'stir',
    option: 'model',
    path: 'file',
    // One result has no order.
    options: proposal && proposal.topN > 1 ? { topN: proposal.topN } : undefined,
  } as const
  return { artefact: 'pair.onnx', metrics, stopped, usedBy }
}

type Proposal = Awaited<ReturnType<PairValidation['propose']>>

/** What is proposed, what it reaches, and what no order of so many results could exceed. The whole curve is in the log. */
function proposedMetrics({ figures, topN }: Proposal): Record<string, number> {
  const { ceiling, after } = figures.find((one) => one.topN === topN)!
  return { 'proposed topN': topN, 'validation recall@1 with it': after, 'validation cmc at it before': ceiling }
}

export const stirTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'stir',
  description: "Trains a pair model that reranks the encoder's results (STIR); the encoder stays as it is.",
  options: stirTrainingSchema,
  async create(settings, context) {
    await checkProviders(settings.providers)
    const { cacheFolder, threads } = context
    const augmentations: Augmentation[] = settings.augmentations ? [] : [randomResizedCrop({ scale: [0.8, 1] })]
    for (const ref of settings.augmentations ?? []) augmentations.push(await context.create('augmentation', ref))
    const search = settings.search && (() => context.create('encoder', settings.search!))
    return createStirTrainer(settings, { augmentations, search, cacheFolder, threads })
  },
})
