import { setImmediate as breathe } from 'node:timers/promises'
import { isLookalikeError, LookalikeError } from '@lookalike/core'
import { scheduleAt } from '../optimizer/schedule.js'
import { createLogWindow, type LogWindow } from './log-window.js'
import { createLoopState, type LoopState } from './loop-state.js'
import type { TrainingLoopOptions, TrainingLoopResult } from './training-loop-options.js'
import type { Position, TrainingTask } from './training-task.js'

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
  const { log } = options.run
  const state = createLoopState(task, options)
  if (options.run.resumed) await state.restore()
  const loop = await start(task, options, state)
  const stopped = state.ended ? 'early' : await runEpochs(loop)
  const { counters, best } = state
  await loop.window.flush(counters)
  await state.save()
  await log.write({ event: stopped, time: new Date().toISOString(), fromStep: counters.step })
  return {
    stopped,
    steps: counters.step,
    weights: (options.keep === 'last' ? undefined : best?.weights) ?? state.weights(),
    best: best && { step: best.step, figures: best.figures },
    // Not of the log: a run that was killed between its last step and its end would have none.
    loss: counters.recent.reduce((sum, one) => sum + one, 0) / counters.recent.length,
  }
}

/** A training that runs. */
interface Loop<Batch> extends Plan {
  readonly task: TrainingTask<Batch>
  readonly options: TrainingLoopOptions
  readonly state: LoopState
  readonly window: LogWindow
  readonly unit: string
  /** Of all steps, without validations: when they began, in milliseconds, and how many images or pairs they took in. */
  readonly pace: { started: number; items: number }
}

/** The log's first line, and a first sign of life: the first step takes longest. */
async function start<Batch>(
  task: TrainingTask<Batch>,
  options: TrainingLoopOptions,
  state: LoopState,
): Promise<Loop<Batch>> {
  const { log } = options.run
  const { step } = state.counters
  const plan = planSteps(task, options)
  await log.rewind(step)
  await log.write({
    event: step > 0 ? 'resume' : 'start',
    time: new Date().toISOString(),
    fromStep: step,
    totalSteps: plan.totalSteps,
    ...options.about,
  })
  options.onProgress?.({
    phase: 'train',
    done: step,
    total: plan.totalSteps,
    unit: 'step',
    note: 'loading the first batch, making the gradient graph',
  })
  const unit = options.unit ?? 'image'
  const pace = { started: performance.now(), items: 0 }
  return { ...plan, task, options, state, unit, pace, window: createLogWindow(log, unit) }
}

async function runEpochs<Batch>(loop: Loop<Batch>): Promise<TrainingLoopResult['stopped']> {
  const { task, totalSteps, window, options } = loop
  const { signal } = options
  const { counters } = loop.state
  while (counters.step < totalSteps) {
    const batches = task.batches(counters.epoch)
    for await (const batch of task.load(counters.epoch, counters.batch)) {
      // The runtime computes on this thread: without a pause nothing else, an abort included, would have its turn.
      await breathe()
      if (signal?.aborted) return 'aborted'
      window.add('seconds.load', window.sinceLast() / 1000)
      await trainOn(loop, batch)
      if (counters.step >= totalSteps) break
    }
    if (counters.batch >= batches || counters.step >= totalSteps) {
      counters.epoch++
      counters.batch = 0
      await endOfEpoch(loop)
    }
    if (signal?.aborted && counters.step < totalSteps) return 'aborted'
    if (loop.state.ended) return 'early'
  }
  return 'finished'
}

async function trainOn<Batch>(loop: Loop<Batch>, batch: Batch): Promise<void> {
  const { task, state, options, window, pace, unit, totalSteps } = loop
  const { optimizer } = options
  const { counters } = state
  const scale = scheduleAt(options.schedule, counters.step, totalSteps, loop.stepsPerEpoch)
  const position: Position = { step: counters.step, totalSteps, epoch: counters.epoch }
  const result = await task.step(batch, position).catch((error: unknown) => {
    if (isLookalikeError(error, 'loss/not-finite')) return fail(loop, batch, 'the loss is not finite', error)
    throw error
  })
  await checkLoss(loop, batch, result.value)
  window.sinceLast()
  const norm = await update(loop, batch, result.gradients, scale)
  state.average?.update()
  const items = task.size(batch)
  pace.items += items
  counters.step++
  counters.batch++
  for (const [name, milliseconds] of Object.entries(result.times ?? {}))
    window.add(`seconds.${name}`, milliseconds / 1000)
  window.add('seconds.update', window.sinceLast() / 1000)
  window.add('loss', result.value)
  counters.recent = [...counters.recent, result.value].slice(-options.logEvery)
  window.add('learningRate', optimizer.learningRate * scale)
  window.add('gradientNorm', norm)
  window.add('items', items)
  for (const [name, value] of Object.entries(result.logs ?? {})) window.add(name, value)
  if (counters.step % options.logEvery === 0) await window.flush(counters)
  const rate = (1000 * pace.items) / (performance.now() - pace.started)
  options.onProgress?.({
    phase: 'train',
    done: counters.step,
    total: totalSteps,
    unit: 'step',
    note: `loss ${result.value.toPrecision(4)}, ${rate.toPrecision(3)} ${unit}s/s`,
  })
  if (counters.step % options.checkpointEvery === 0) await state.save()
  window.sinceLast()
}

/** @throws `train/loss` when the loss is not finite or explodes */
async function checkLoss<Batch>(loop: Loop<Batch>, batch: Batch, value: number): Promise<void> {
  const { step, beginning } = loop.state.counters
  if (!Number.isFinite(value)) await fail(loop, batch, `the loss is ${value}`)
  const usual = beginning.reduce((sum, one) => sum + one, 0) / Math.max(1, beginning.length)
  if (step > 0 && Math.abs(value) > EXPLOSION * Math.max(1, usual))
    await fail(loop, batch, `the loss is ${value.toPrecision(3)}, and it was ${usual.toPrecision(3)} in the beginning`)
  if (beginning.length < BEGINNING) beginning.push(Math.abs(value))
}

/** Returns the gradients' norm. @throws `train/loss` when they are not finite */
async function update<Batch>(
  loop: Loop<Batch>,
  batch: Batch,
  gradients: ReadonlyMap<string, Float32Array>,
  scale: number,
): Promise<number> {
  try {
    return loop.options.optimizer.step(gradients, scale).norm
  } catch (error) {
    if (isLookalikeError(error, 'train/not-finite')) return fail(loop, batch, error.message, error)
    throw error
  }
}

async function endOfEpoch<Batch>({ task, state, options, window, pace, totalSteps }: Loop<Batch>): Promise<void> {
  const { counters, average } = state
  const last = counters.step >= totalSteps
  if (!task.validate || (!last && counters.epoch % options.validateEvery !== 0)) return
  await window.flush(counters)
  const began = performance.now()
  const figures = await task.validate(average?.weights)
  const passed = performance.now() - began
  await options.run.log.write({
    step: counters.step,
    epoch: counters.epoch,
    validation: figures,
    seconds: { validation: passed / 1000 },
  })
  pace.started += passed
  window.sinceLast()
  const monitor = options.monitor!
  if (state.best && figures[monitor]! <= state.best.figures[monitor]!) {
    counters.sinceBest++
    state.ended = options.patience !== undefined && counters.sinceBest >= options.patience && !last
    return state.save()
  }
  counters.sinceBest = 0
  const weights = state.weights()
  state.best = { step: counters.step, figures, weights }
  // Before the last one: a run that is killed in between finds this best again on its way.
  await options.run.checkpoints.save('best', {
    facts: { step: counters.step, figures },
    arrays: { weights: Object.fromEntries(weights) },
  })
  await state.save()
}

/** The state before the step that failed is written down before the run ends. */
async function fail<Batch>(
  { task, state, options: { optimizer, run } }: Loop<Batch>,
  batch: Batch,
  problem: string,
  cause?: unknown,
): Promise<never> {
  const { step, epoch } = state.counters
  const checkpoint = run.checkpoints.path('last')
  const sound = optimizer.parameters.every(({ data }) => data.every(Number.isFinite))
  if (sound) await state.save()
  const images = task.describe(batch)
  await run.log.write({ event: 'failed', time: new Date().toISOString(), fromStep: step, problem, batch: images })
  throw new LookalikeError(
    'train/loss',
    {
      problem: `Training stopped at step ${step} (epoch ${epoch}): ${problem}. The batch: ${images.slice(0, 8).join(', ')}${images.length > 8 ? `, and ${images.length - 8} more (all in log.jsonl)` : ''}`,
      expected: 'a finite loss',
      fix: `Lower the learning rate, clip the gradients (optimizer.clipNorm), or look at the images, and start anew with --overwrite. ${checkpoint} holds the last good state.`,
    },
    {
      fields: { step, epoch, batch: images, checkpoint },
      cause,
    },
  )
}

interface Plan {
  readonly totalSteps: number
  readonly stepsPerEpoch: number
}

function planSteps<Batch>(task: TrainingTask<Batch>, { epochs, steps }: TrainingLoopOptions): Plan {
  const stepsPerEpoch = task.batches(0)
  if (steps !== undefined) return { totalSteps: steps, stepsPerEpoch }
  let totalSteps = 0
  for (let epoch = 0; epoch < epochs; epoch++) totalSteps += task.batches(epoch)
  return { totalSteps, stepsPerEpoch }
}
