import { type ArrayState, type Checkpoint, LookalikeError } from '@lookalike/core'
import type { Optimizer } from '../optimizer/create-optimizer.js'
import { createMovingAverage, type MovingAverage } from '../optimizer/moving-average.js'
import type { Best, TrainingLoopOptions } from './training-loop-options.js'
import type { TrainingTask } from './training-task.js'

interface Counters {
  step: number
  epoch: number
  /** Batches of the epoch that are done. */
  batch: number
  /** Losses of the first steps. */
  beginning: number[]
  /** Losses of the last steps, at most as many as a line of the log sums up. */
  recent: number[]
  /** Validations since the best one. */
  sinceBest: number
}

type Weights = ReadonlyMap<string, Float32Array>

/** Where a training is, and what its checkpoints hold. */
export interface LoopState {
  readonly counters: Counters
  readonly average: MovingAverage | undefined
  /** Without weights where they were lost; a run that goes on finds a newer best again. */
  best: (Best & { readonly weights?: Weights | undefined }) | undefined
  /** Whether patience ran out. */
  ended: boolean
  /** Writes the checkpoint `last`. */
  save(): Promise<void>
  /** Goes on from the checkpoint `last`, if there is one. @throws `train/checkpoint-mismatch`, `train/checkpoint-damaged` */
  restore(): Promise<void>
  /** A copy of the parameters, or of those of the moving average where there is one. */
  weights(): Map<string, Float32Array>
}

export function createLoopState<Batch>(
  task: TrainingTask<Batch>,
  { optimizer, run: { checkpoints }, belongsTo, averageDecay }: TrainingLoopOptions,
): LoopState {
  const network = optimizer.parameters.filter(({ ofLoss }) => !ofLoss)
  const average = averageDecay === undefined ? undefined : createMovingAverage(network, averageDecay)
  const state: LoopState = {
    counters: { step: 0, epoch: 0, batch: 0, beginning: [], recent: [], sinceBest: 0 },
    average,
    best: undefined,
    ended: false,
    save: () =>
      checkpoints.save('last', {
        facts: {
          belongsTo,
          counters: { ...state.counters },
          best: state.best && { step: state.best.step, figures: state.best.figures },
          ended: state.ended,
        },
        arrays: {
          weights: Object.fromEntries(optimizer.parameters.map(({ name, data }) => [name, data])),
          optimizer: optimizer.state(),
          ...(average && { average: average.state() }),
          ...(task.state && { task: task.state() }),
        },
      }),
    async restore() {
      const found = await checkpoints.load('last')
      if (!found) return
      checkOrigin(checkpoints.path('last'), found, belongsTo)
      restoreWeights(found, optimizer)
      optimizer.restore(found.arrays['optimizer'] ?? {})
      if (average && found.arrays['average']) average.restore(found.arrays['average'])
      task.restore?.(found.arrays['task'] ?? {})
      Object.assign(state.counters, found.facts['counters'])
      state.ended = found.facts['ended'] === true
      const known = found.facts['best'] as Best | undefined
      if (!known) return
      const kept = await checkpoints.load('best')
      // A best that is newer than the last checkpoint will be found again.
      const weights = kept?.facts['step'] === known.step ? kept.arrays['weights'] : undefined
      state.best = { ...known, weights: weights && new Map(Object.entries(weights as Record<string, Float32Array>)) }
    },
    weights: () =>
      new Map(optimizer.parameters.map(({ name, data }) => [name, (average?.weights.get(name) ?? data).slice()])),
  }
  return state
}

function checkOrigin(
  file: string,
  { facts }: Checkpoint,
  wanted: Readonly<Record<string, string | undefined>> = {},
): void {
  const saved = (facts['belongsTo'] ?? {}) as Readonly<Record<string, string>>
  const different = Object.keys(wanted).filter((name) => saved[name] !== wanted[name])
  if (different.length === 0) return
  throw new LookalikeError(
    'train/checkpoint-mismatch',
    {
      problem: `The checkpoint ${file} belongs to another run: ${different.join(', ')} ${different.length === 1 ? 'is' : 'are'} not what it was`,
      expected: 'the same as when the run started',
      fix: 'Put it back, or start a new run with --overwrite or another --name.',
    },
    { fields: { path: file, different } },
  )
}

function restoreWeights({ arrays }: Checkpoint, { parameters }: Optimizer): void {
  const saved: ArrayState = arrays['weights'] ?? {}
  for (const { name, data } of parameters) {
    const values = saved[name]
    if (values?.length !== data.length) {
      throw new LookalikeError(
        'train/checkpoint-mismatch',
        {
          problem: `The checkpoint has ${values?.length ?? 0} values for ${name}, and the network ${data.length}`,
          expected: 'a checkpoint of the same network',
        },
        { fields: { parameter: name } },
      )
    }
    data.set(values)
  }
}
