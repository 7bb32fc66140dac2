import { createHash } from 'node:crypto'
import { createRandom, LookalikeError, type Loss, type TrainerResult, type Warning } from '@lookalike/core'
import { writeModel } from '@lookalike/onnx'
import type { TrainingData } from '../data/select-training-data.js'
import { runTrainingLoop } from '../loop/run-training-loop.js'
import type { TrainingLoopResult } from '../loop/training-loop-options.js'
import { matcher, matchNames } from '../model/match-names.js'
import { createOptimizer } from '../optimizer/create-optimizer.js'
import type { Parameter } from '../optimizer/parameter.js'
import type { CommonSettings } from './common-options.js'
import { embeddingTask } from './embedding-task.js'
import type { EmbeddingTraining } from './embedding-training.js'

/**
 * Trains, and writes `model.onnx` with its preprocessing and its card. The encoder as it was is measured first; where the best validation is no better,
 * there is the warning `train/nothing-gained`, and `model.onnx` is the encoder as it was, unless the last weights or a shorter embedding were asked for.
 */
export async function trainEmbedding(training: EmbeddingTraining): Promise<TrainerResult> {
  const { request, settings, data, model, dim } = training
  const { seed } = request.run
  const batchesOf = rememberLast((epoch: number) =>
    training.sampler.epoch(
      { labels: data.labels, categories: data.categories },
      createRandom(seed).fork(`sampler/${epoch}`),
    ),
  )
  // What a sampler cannot do with these classes shows before anything is computed.
  batchesOf(0)
  const loss = await training.loss.bind({ dim, classes: data.classes.length, seed })
  try {
    if (loss.input !== 'labels') throw wrongLoss(loss.name)
    if (training.headOnly?.names.length === 0 && loss.parameters.length === 0) throw nothingToTrain()
    const lossParameters = loss.parameters.map(
      (parameter): Parameter => ({ ...parameter, name: `loss/${parameter.name}`, ofLoss: true }),
    )
    const before = data.validation.length > 0 ? await training.untuned.measure() : undefined
    if (before) {
      const note = `validation ${describeFigures(before)}`
      request.onProgress?.({ phase: 'before training', done: 1, total: 1, unit: 'validation', note })
    }
    const outcome = await runTrainingLoop(embeddingTask(training, loss, batchesOf), {
      ...settings,
      signal: request.signal,
      onProgress: request.onProgress,
      onWarning: request.onWarning,
      run: request.run,
      optimizer: createOptimizer(
        [...grouped(model.parameters, settings.groups), ...lossParameters],
        settings.optimizer,
      ),
      belongsTo: { network: training.network, teacher: training.distillation?.space },
      about: {
        trainer: training.trainer,
        loss: loss.name,
        engine: loss.engine,
        providers: settings.providers,
        ...sizesOf(data),
        weights: model.parameters.reduce((sum, { data: values }) => sum + values.length, 0),
        untuned: before,
        ...training.about,
      },
    })
    return await writeEmbedding(training, loss, outcome, before)
  } finally {
    loss.dispose()
  }
}

/** Writes the trained network, or the encoder as it was where that is better, with its card. */
async function writeEmbedding(
  training: EmbeddingTraining,
  loss: Loss,
  outcome: TrainingLoopResult,
  before: Readonly<Record<string, number>> | undefined,
): Promise<TrainerResult> {
  const { request, settings, data, untuned } = training
  const { run } = request
  const metrics = metricsOf(outcome, before)
  const lost = before && hasLost(outcome, before, settings.monitor)
  const kept = lost && settings.keep === 'best' && training.dim >= untuned.dim ? ('untuned' as const) : undefined
  if (lost) request.onWarning?.(nothingGained(before, outcome.best!.figures, settings, kept !== undefined, training))
  const card = await run.card({
    startedFrom: { encoder: request.encoder.name, space: request.encoder.space },
    loss: { name: loss.name, engine: loss.engine },
    network: training.network,
    data: sizesOf(data),
    options: training.options,
    steps: outcome.steps,
    stopped: outcome.stopped,
    metrics,
    best: outcome.best,
    kept,
  })
  const trained = kept ? untuned.network : training.finish(outcome.weights)
  const metadata = {
    ...trained.metadata,
    'lookalike.network': 'encoder',
    'lookalike.preprocessing': JSON.stringify(training.preprocessing),
    'lookalike.card': card,
  }
  await run.write('model.onnx', writeModel({ ...trained, metadata }))
  await run.artefact('model', 'model.onnx')
  return { artefact: 'model.onnx', metrics, stopped: outcome.stopped, kept }
}

const sizesOf = ({ items, classes, validation }: TrainingData) => ({
  images: items.length,
  classes: classes.length,
  validationImages: validation.length,
})

/** SHA-256 of a model's file. */
export function hashBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function grouped(parameters: readonly Parameter[], groups: CommonSettings['groups']): Parameter[] {
  const names = parameters.map(({ name }) => name)
  groups.forEach(({ match }, i) => matchNames(match, names, `groups[${i}].match`))
  const matching = groups.map(({ match, ...settings }) => ({ fits: matcher(match), settings }))
  return parameters.map((parameter) => ({
    ...parameter,
    ...matching.find(({ fits }) => fits(parameter.name))?.settings,
  }))
}

function metricsOf(
  { loss, best, steps }: TrainingLoopResult,
  before: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const named = (prefix: string, figures: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix} ${name}`, value]))
  return {
    steps,
    ...(Number.isFinite(loss) && { loss }),
    ...named('untuned', before),
    ...named('validation', best?.figures ?? {}),
    ...(best && { 'best step': best.step }),
  }
}

const describeFigures = (figures: Readonly<Record<string, number>>) =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${(100 * value).toFixed(1)} %`)
    .join(', ')

/** An interrupted run has not come to its best yet. */
function hasLost(
  { best, stopped }: TrainingLoopResult,
  before: Readonly<Record<string, number>>,
  monitor: string,
): boolean {
  return stopped !== 'aborted' && best !== undefined && best.figures[monitor]! <= before[monitor]!
}

function nothingGained(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  { keep }: CommonSettings,
  isKept: boolean,
  { dim, untuned }: EmbeddingTraining,
): Warning {
  const result = isKept
    ? 'model.onnx is the encoder as it was ("keep: last" writes the trained one). '
    : keep === 'last'
      ? 'model.onnx is the trained one, because the last weights were asked for. '
      : `model.onnx is the trained one, because a shorter embedding was asked for (${dim} instead of ${untuned.dim} dimensions). `
  return {
    code: 'train/nothing-gained',
    message:
      `Training gained nothing: validation ${describeFigures(before)} before, ${describeFigures(after)} at best. ${result}` +
      'More images, a lower learning rate or fewer epochs may help.',
    fields: { before, after, kept: isKept ? 'untuned' : 'trained' },
  }
}

function wrongLoss(name: string): LookalikeError {
  return new LookalikeError(
    'train/loss-input',
    {
      problem: `The loss ${name} is for triples`,
      expected: 'a loss on labels',
      fix: 'Choose another loss; "lookalike plugins loss" lists them.',
    },
    { fields: { loss: name } },
  )
}

function nothingToTrain(): LookalikeError {
  return new LookalikeError('train/nothing-to-train', {
    problem: 'headOnlyEpochs was set, and there is neither a head nor a loss with parameters of its own',
    expected: 'the option "head", or weights named head.*',
    fix: 'Add a head, or set headOnlyEpochs to 0.',
  })
}

function rememberLast<T>(make: (key: number) => T): (key: number) => T {
  let last: { readonly key: number; readonly value: T } | undefined
  return (key) => {
    if (last?.key !== key) last = { key, value: make(key) }
    return last.value
  }
}
