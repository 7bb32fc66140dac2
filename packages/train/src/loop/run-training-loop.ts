import { setImmediate as breathe } from 'node:timers/promises'
import {
  type ArrayState,
  type Checkpoint,
  isLookalikeError,
  LookalikeError,
  type OperationOptions,
  type RunPart,
} from '@lookalike/core'
import type { Optimizer } from '../optimizer/create-optimizer.js'
import { createMovingAverage } from '../optimizer/moving-average.js'
import { type Schedule, scheduleAt } from '../optimizer/schedule.js'
import type { Position, TrainingTask } from './training-task.js'

export interface TrainingLoopOptions extends OperationOptions {
  readonly optimizer: Optimizer
  readonly schedule: Schedule
  /** Where log and checkpoints go; a run that is resumed goes on from its last checkpoint. */
  readonly run: RunPart
  /** What checkpoints belong to besides the run's own settings, by name: a checkpoint of something else is refused. */
  readonly belongsTo?: Readonly<Record<string, string>> | undefined
  readonly epochs: number
  /** Stop after so many steps; by default after the epochs. */
  readonly steps?: number | undefined
  /** Steps between two checkpoints. */
  readonly checkpointEvery: number
  /** Steps between two lines of the log, which hold the means between them. */
  readonly logEvery: number
  /** Epochs between two validations, if the task has one. */
  readonly validateEvery: number
  /** The validation figure that decides what is best. */
  readonly monitor?: string | undefined
  /** Validations without a new best after which the run stops. Default: never. */
  readonly patience?: number | undefined
  /** Which weights the run ends with: those of the best validation (the default, where there is one) or the last. */
  readonly keep?: 'best' | 'last' | undefined
  /** Share of the moving average that stays at each step; without it there is none. */
  readonly averageDecay?: number | undefined
  /** Of what batches are made: `image`, `pair`. */
  readonly unit?: string | undefined
  /** Facts for the log's first line. */
  readonly about?: Readonly<Record<string, unknown>> | undefined
}

export interface TrainingLoopResult {
  readonly stopped: 'finished' | 'early' | 'aborted'
  readonly steps: number
  /** The parameters to use: the best by validation, else the moving average, else as they are. By name. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly best?: Best
  /** Mean loss of the last lines of the log. */
  readonly loss: number
}

export interface Best {
  readonly step: number
  readonly figures: Readonly<Record<string, number>>
}

/** A loss so many times as large as in the beginning has exploded. Ours. */
const EXPLOSION = 1000
/** Steps that say what the beginning was. */
const BEGINNING = 20

/**
 * Trains: steps, schedule, validation, early stopping, checkpoints, log and progress. The same task and options give the same weights, also
 * when the run is cut off anywhere and resumed. When `signal` aborts, it finishes the step, writes a checkpoint and returns.
 *
 * @throws `train/loss` when loss or gradients are not finite or explode: the weights before that step are in the last checkpoint;
 * `train/write`, `train/checkpoint-mismatch` for a checkpoint of other weights, `train/checkpoint-damaged`, and what the task throws.
 */
export async function runTrainingLoop<Batch>(
  task: TrainingTask<Batch>,
  options: TrainingLoopOptions,
): Promise<TrainingLoopResult> {
  const { optimizer, signal, monitor } = options
  const { log, checkpoints } = options.run
  const network = optimizer.parameters.filter(({ ofLoss }) => !ofLoss)
  const average = options.averageDecay === undefined ? undefined : createMovingAverage(network, options.averageDecay)
  const plan = planSteps(task, options)
  const state: Counters = { step: 0, epoch: 0, batch: 0, beginning: [], sinceBest: 0 }
  let best: (Best & { readonly weights?: ReadonlyMap<string, Float32Array> }) | undefined
  let ended = false

  const save = () =>
    checkpoints.save('last', {
      facts: {
        belongsTo: options.belongsTo,
        counters: { ...state },
        best: best && { step: best.step, figures: best.figures },
        ended,
      },
      arrays: {
        weights: Object.fromEntries(optimizer.parameters.map(({ name, data }) => [name, data])),
        optimizer: optimizer.state(),
        ...(average && { average: average.state() }),
        ...(task.state && { task: task.state() }),
      },
    })
  if (options.run.resumed) await restore()
  await log.rewind(state.step)
  await log.write({
    event: state.step > 0 ? 'resume' : 'start',
    time: new Date().toISOString(),
    fromStep: state.step,
    totalSteps: plan.totalSteps,
    ...options.about,
  })

  // The first step takes longest, and nothing is heard before it.
  options.onProgress?.({
    phase: 'train',
    done: state.step,
    total: plan.totalSteps,
    unit: 'step',
    note: 'loading the first batch, making the gradient graph',
  })

  const window = createWindow()
  const clock = { started: performance.now(), steps: 0, last: performance.now(), items: 0 }
  let lastLoss = Number.NaN
  let stopped: TrainingLoopResult['stopped'] = ended ? 'early' : 'finished'

  training: while (!ended && state.step < plan.totalSteps) {
    const batches = task.batches(state.epoch)
    for await (const batch of task.load(state.epoch, state.batch)) {
      // The runtime computes on this thread: without a pause nothing else, an abort included, would have its turn.
      await breathe()
      if (signal?.aborted) {
        stopped = 'aborted'
        break training
      }
      window.add('seconds.load', sinceLast() / 1000)
      await trainOn(batch)
      if (state.step >= plan.totalSteps) break
    }
    if (state.batch >= batches || state.step >= plan.totalSteps) {
      state.epoch++
      state.batch = 0
      await endOfEpoch()
      if (ended) stopped = 'early'
    }
    if (signal?.aborted && state.step < plan.totalSteps) stopped = 'aborted'
    if (stopped === 'aborted') break
  }
  await flush()
  await save()
  await log.write({ event: stopped, time: new Date().toISOString(), fromStep: state.step })
  return {
    stopped,
    steps: state.step,
    weights: finalWeights(),
    ...(best && { best: { step: best.step, figures: best.figures } }),
    loss: lastLoss,
  }

  async function trainOn(batch: Batch): Promise<void> {
    const position: Position = { step: state.step, totalSteps: plan.totalSteps, epoch: state.epoch }
    const scale = scheduleAt(options.schedule, state.step, plan.totalSteps, plan.stepsPerEpoch)
    let norm: number
    const result = await task.step(batch, position).catch((error: unknown) => {
      if (isLookalikeError(error) && error.code === 'loss/not-finite')
        return fail(batch, 'the loss is not finite', error)
      throw error
    })
    if (!Number.isFinite(result.value)) await fail(batch, `the loss is ${result.value}`)
    const usual = state.beginning.reduce((sum, value) => sum + value, 0) / Math.max(1, state.beginning.length)
    if (state.step > 0 && Math.abs(result.value) > EXPLOSION * Math.max(1, usual))
      await fail(
        batch,
        `the loss is ${result.value.toPrecision(3)}, and it was ${usual.toPrecision(3)} in the beginning`,
      )
    if (state.beginning.length < BEGINNING) state.beginning.push(Math.abs(result.value))
    sinceLast()
    try {
      norm = optimizer.step(result.gradients, scale).norm
    } catch (error) {
      if (isLookalikeError(error) && error.code === 'train/not-finite') await fail(batch, error.message, error)
      throw error
    }
    average?.update()
    const items = task.size(batch)
    clock.items += items
    clock.steps++
    state.step++
    state.batch++
    for (const [name, milliseconds] of Object.entries(result.times ?? {}))
      window.add(`seconds.${name}`, milliseconds / 1000)
    window.add('seconds.update', sinceLast() / 1000)
    window.add('loss', result.value)
    window.add('learningRate', optimizer.learningRate * scale)
    window.add('gradientNorm', norm)
    window.add('items', items)
    for (const [name, value] of Object.entries(result.logs ?? {})) window.add(name, value)
    if (state.step % options.logEvery === 0) await flush()
    const unit = options.unit ?? 'image'
    const rate = (1000 * clock.items) / (performance.now() - clock.started)
    options.onProgress?.({
      phase: 'train',
      done: state.step,
      total: plan.totalSteps,
      unit: 'step',
      note: `loss ${result.value.toPrecision(4)}, ${rate.toPrecision(3)} ${unit}s/s`,
    })
    if (state.step % options.checkpointEvery === 0) await save()
    sinceLast()
  }

  async function endOfEpoch(): Promise<void> {
    const last = state.step >= plan.totalSteps
    if (!task.validate || (!last && state.epoch % options.validateEvery !== 0)) return
    await flush()
    const began = performance.now()
    const figures = await task.validate(average?.weights)
    await log.write({
      step: state.step,
      epoch: state.epoch,
      validation: figures,
      seconds: { validation: (performance.now() - began) / 1000 },
    })
    clock.started += performance.now() - began
    sinceLast()
    const figure = figures[monitor!]!
    if (best && figure <= best.figures[monitor!]!) {
      state.sinceBest++
      ended = options.patience !== undefined && state.sinceBest >= options.patience && !last
      return save()
    }
    state.sinceBest = 0
    const weights = copyWeights(average?.weights)
    best = { step: state.step, figures, weights }
    // Before the last one: a run that is killed in between finds this best again on its way.
    await checkpoints.save('best', {
      facts: { step: state.step, figures },
      arrays: { weights: Object.fromEntries(weights) },
    })
    await save()
  }

  /** The state before the step that failed is written down before the run ends. */
  async function fail(batch: Batch, problem: string, cause?: unknown): Promise<never> {
    const sound = optimizer.parameters.every(({ data }) => data.every(Number.isFinite))
    if (sound) await save()
    const images = task.describe(batch)
    await log.write({ event: 'failed', time: new Date().toISOString(), fromStep: state.step, problem, batch: images })
    throw new LookalikeError(
      'train/loss',
      {
        problem: `Training stopped at step ${state.step} (epoch ${state.epoch}): ${problem}. The batch: ${images.slice(0, 8).join(', ')}${images.length > 8 ? `, and ${images.length - 8} more (all in log.jsonl)` : ''}`,
        expected: 'a finite loss',
        fix: `Lower the learning rate, clip the gradients (optimizer.clipNorm), or look at the images, and start anew with --overwrite. ${checkpoints.path('last')} holds the last good state.`,
      },
      {
        fields: { step: state.step, epoch: state.epoch, batch: images, checkpoint: checkpoints.path('last') },
        ...(cause !== undefined && { cause }),
      },
    )
  }

  async function flush(): Promise<void> {
    const means = window.take()
    if (!means) return
    const { items, ...rest } = means.values
    const unit = options.unit ?? 'image'
    const seconds = Object.entries(rest)
      .filter(([name]) => name.startsWith('seconds.'))
      .reduce((sum, [, value]) => sum + value, 0)
    lastLoss = rest['loss'] ?? lastLoss
    const plain: Record<string, unknown> = {}
    const split: Record<string, number> = {}
    for (const [name, value] of Object.entries(rest)) {
      if (name.startsWith('seconds.')) split[name.slice('seconds.'.length)] = rounded(value)
      else plain[name] = rounded(value)
    }
    await log.write({
      step: state.step,
      epoch: state.epoch,
      ...plain,
      [`${unit}sPerSecond`]: rounded((items ?? 0) / seconds),
      seconds: split,
    })
  }

  async function restore(): Promise<void> {
    const found = await checkpoints.load('last')
    if (!found) return
    checkOrigin(checkpoints.path('last'), found, options.belongsTo)
    restoreWeights(found, optimizer)
    optimizer.restore(found.arrays['optimizer'] ?? {})
    if (average && found.arrays['average']) average.restore(found.arrays['average'])
    task.restore?.(found.arrays['task'] ?? {})
    Object.assign(state, found.facts['counters'])
    ended = found.facts['ended'] === true
    const known = found.facts['best'] as Best | undefined
    if (known) {
      const kept = await checkpoints.load('best')
      // A best that is newer than the last checkpoint will be found again.
      const usable = kept?.facts['step'] === known.step
      best = {
        ...known,
        ...(usable && { weights: new Map(Object.entries(kept.arrays['weights'] as Record<string, Float32Array>)) }),
      }
    }
  }

  function finalWeights(): ReadonlyMap<string, Float32Array> {
    return (options.keep === 'last' ? undefined : best?.weights) ?? copyWeights(average?.weights)
  }

  function copyWeights(instead: ReadonlyMap<string, Float32Array> | undefined): Map<string, Float32Array> {
    return new Map(optimizer.parameters.map(({ name, data }) => [name, (instead?.get(name) ?? data).slice()]))
  }

  function sinceLast(): number {
    const now = performance.now()
    const passed = now - clock.last
    clock.last = now
    return passed
  }
}

interface Counters {
  step: number
  epoch: number
  /** Batches of the epoch that are done. */
  batch: number
  /** Losses of the first steps. */
  beginning: number[]
  /** Validations since the best one. */
  sinceBest: number
}

function planSteps<Batch>(
  task: TrainingTask<Batch>,
  { epochs, steps }: TrainingLoopOptions,
): { totalSteps: number; stepsPerEpoch: number } {
  const stepsPerEpoch = task.batches(0)
  if (steps !== undefined) return { totalSteps: steps, stepsPerEpoch }
  let totalSteps = 0
  for (let epoch = 0; epoch < epochs; epoch++) totalSteps += task.batches(epoch)
  return { totalSteps, stepsPerEpoch }
}

function checkOrigin(file: string, { facts }: Checkpoint, wanted: Readonly<Record<string, string>> = {}): void {
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

const rounded = (value: number) => Number(value.toPrecision(6))

/** Means of named numbers since they were last taken. */
function createWindow() {
  let sums = new Map<string, { sum: number; count: number }>()
  return {
    add(name: string, value: number) {
      const entry = sums.get(name) ?? { sum: 0, count: 0 }
      entry.sum += value
      entry.count++
      sums.set(name, entry)
    },
    take(): { values: Record<string, number> } | undefined {
      if (!sums.has('loss')) return undefined
      const values = Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]))
      sums = new Map()
      return { values }
    },
  }
}
