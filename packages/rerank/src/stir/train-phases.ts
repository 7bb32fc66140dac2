import { createOptimizer, runTrainingLoop, type TrainableModel, type TrainingLoopResult } from '@lookalike/train'
import type { PairBatches } from './pair-batches.js'
import { pairTask } from './pair-task.js'
import { weightsOf } from './pair-weights.js'
import type { PairPlan } from './plan-pairs.js'
import type { StirTraining } from './prepare-stir.js'

export interface TrainedPhases {
  readonly steps: number
  readonly stopped: TrainingLoopResult['stopped']
  /** Of the phase whose weights are kept. */
  readonly kept: TrainingLoopResult | undefined
}

interface Phases {
  readonly model: TrainableModel
  readonly batches: PairBatches
  readonly planOf: PairPlan['planOf']
  /** Figures of the held-out images, where there are some. */
  readonly validate: (() => Promise<Readonly<Record<string, number>>>) | undefined
}

/** The new weights first, alone, then everything that sees the pair. The better of the two stays in the model. */
export async function trainPhases(training: StirTraining, phases: Phases): Promise<TrainedPhases> {
  const { settings, pair } = training
  const { model } = phases
  const first = await trainPhase('head', settings.headEpochs, settings.headLearningRate, training, phases)
  const afterHead = weightsOf(model)
  const learningRate =
    settings.learningRate ?? (pair.spec.fusion === 0 ? 1e-5 : pair.spec.fusion === 'map' ? 2e-3 : 2e-4)
  const second =
    first?.stopped === 'aborted' ? undefined : await trainPhase('all', settings.epochs, learningRate, training, phases)
  const headWasBetter = (first?.best?.figures['recall@1'] ?? 0) > (second?.best?.figures['recall@1'] ?? 0)
  if (headWasBetter) for (const { name, data } of model.parameters) data.set(afterHead.get(name)!.data as Float32Array)
  return {
    steps: (first?.steps ?? 0) + (second?.steps ?? 0),
    stopped: (second ?? first)?.stopped ?? 'finished',
    kept: headWasBetter ? first : (second ?? first),
  }
}

async function trainPhase(
  name: 'head' | 'all',
  epochs: number,
  learningRate: number,
  { settings, request: { run }, operation, pair, network, training, data }: StirTraining,
  { model, batches, planOf, validate }: Phases,
): Promise<TrainingLoopResult | undefined> {
  if (epochs === 0) return undefined
  const isHead = name === 'head'
  const firstEpoch = isHead ? 0 : settings.headEpochs
  const names = isHead ? pair.head : pair.trainable
  const wanted = new Set(names)
  const task = pairTask({
    model,
    names,
    batches,
    planOf: (epoch) => planOf(epoch + firstEpoch),
    items: training.items,
    settings,
    seed: `${run.seed}/${name}`,
    firstEpoch,
  })
  const parameters = model.parameters.filter((parameter) => wanted.has(parameter.name))
  const result = await runTrainingLoop(
    { ...task, validate },
    {
      ...operation,
      optimizer: createOptimizer(parameters, { learningRate }),
      schedule: isHead ? { shape: 'constant', warmUp: 0 } : { shape: 'cosine', final: 0, warmUp: 0 },
      run: run.part(name),
      belongsTo: { network },
      epochs,
      checkpointEvery: settings.checkpointEvery,
      logEvery: settings.logEvery,
      validateEvery: 1,
      monitor: 'recall@1',
      keep: 'best',
      unit: 'pair',
      about: { trainer: 'stir', fusion: pair.spec.fusion, ...data },
    },
  )
  for (const parameter of model.parameters) {
    const values = result.weights.get(parameter.name)
    if (values) parameter.data.set(values)
  }
  return result
}
