import { describe, expect, it } from 'vitest'
import { createOptimizer } from '../optimizer/create-optimizer.js'
import { memoryRun } from './memory-run.js'
import { runTrainingLoop } from './run-training-loop.js'
import type { TrainingLoopOptions } from './training-loop-options.js'
import type { TrainingTask } from './training-task.js'

/** One weight that grows by the learning rate at each step; two steps an epoch. `figures`: what validations find, one after another. */
function training(figures: readonly number[], options: Partial<TrainingLoopOptions> = {}) {
  const weight = Float32Array.of(0)
  const run = options.run ?? memoryRun()
  let validations = 0
  const task: TrainingTask<number> = {
    batches: () => 2,
    async *load(_epoch, start) {
      for (let i = start; i < 2; i++) yield i
    },
    size: () => 1,
    describe: (batch) => [`batch ${batch}`],
    step: async (_, { step }) => ({ value: 1 + step, gradients: new Map([['weight', Float32Array.of(-1)]]) }),
    validate: async () => ({ figure: figures[validations++]! }),
    state: () => ({ validations: Int32Array.of(validations) }),
    restore: (state) => void (validations = state['validations']![0]!),
  }
  const result = runTrainingLoop(task, {
    // Adam's first steps are as long as the learning rate, whatever the gradient.
    optimizer: createOptimizer([{ name: 'weight', shape: [1], data: weight, decay: false }], {
      learningRate: 1,
      weightDecay: 0,
    }),
    schedule: { shape: 'constant', warmUp: 0 },
    epochs: figures.length,
    checkpointEvery: 100,
    logEvery: 1,
    validateEvery: 1,
    monitor: 'figure',
    ...options,
    run,
  })
  return { result, run }
}
const weightOf = async ({ result }: ReturnType<typeof training>) =>
  Math.round((await result).weights.get('weight')![0]!)

describe('runTrainingLoop', () => {
  it('ends with the weights of the best validation, the first of equal ones', async () => {
    expect(await weightOf(training([0.1, 0.5, 0.5, 0.3]))).toBe(4)
    expect(await weightOf(training([0.1, 0.5, 0.6, 0.3]))).toBe(6)
    expect(await weightOf(training([0.1, 0.5, 0.5, 0.3], { keep: 'last' }))).toBe(8)
  })

  it('keeps the best on disk as well: the checkpoint is the one that ends the run', async () => {
    const { result, run } = training([0.1, 0.5, 0.5, 0.3])
    const { best } = await result
    expect(best).toEqual({ step: 4, figures: { figure: 0.5 } })
    const kept = (await run.checkpoints.load('best'))!
    expect(kept.facts).toMatchObject({ step: 4 })
    expect(Math.round((kept.arrays['weights']!['weight'] as Float32Array)[0]!)).toBe(4)
  })

  it('counts validations without a new best over a stop: patience is the same', async () => {
    const figures = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    const whole = training(figures, { patience: 3 })
    expect(await whole.result).toMatchObject({ stopped: 'early', steps: 8, best: { step: 2 } })
    for (const at of [1, 3, 5, 7]) {
      const stop = new AbortController()
      const cut = training(figures, {
        patience: 3,
        signal: stop.signal,
        onProgress: ({ done }) => void (done === at && stop.abort()),
      })
      expect((await cut.result).stopped).toBe('aborted')
      const on = training(figures, { patience: 3, run: { ...cut.run, resumed: true } })
      expect(await on.result, `stopped at ${at}`).toMatchObject({ stopped: 'early', steps: 8, best: { step: 2 } })
      expect(await weightOf(on)).toBe(2)
    }
  })

  it('takes out of the log what came after the checkpoint that it goes on from', async () => {
    const killed = memoryRun()
    await training([0.1, 0.2, 0.3], { run: killed, steps: 3 }).result
    // As a run leaves it that is killed after its checkpoint.
    await killed.log.write({ step: 4, loss: 7 })
    await killed.log.write({ step: 5, loss: 7 })
    const steps = (of: typeof killed) => of.entries.flatMap((entry) => ('loss' in entry ? [entry['step']] : []))
    expect(steps(killed)).toEqual([1, 2, 3, 4, 5])
    const on = training([0.1, 0.2, 0.3], { run: { ...killed, resumed: true } })
    await on.result
    expect(steps(killed)).toEqual([1, 2, 3, 4, 5, 6])
    expect(killed.entries.every((entry) => entry['loss'] !== 7)).toBe(true)
  })

  it('tells the loss of the last steps, wherever it was stopped, at its end too', async () => {
    const figures = [0.1, 0.2, 0.3]
    const lossOf = async (run: ReturnType<typeof training>) => (await run.result).loss
    expect(await lossOf(training(figures, { logEvery: 4 }))).toBe((3 + 4 + 5 + 6) / 4)
    expect(await lossOf(training(figures, { logEvery: 100 }))).toBe((1 + 2 + 3 + 4 + 5 + 6) / 6)
    for (const steps of [1, 4, 5, 6]) {
      const stopped = training(figures, { logEvery: 4, steps })
      await stopped.result
      const on = training(figures, { logEvery: 4, run: { ...stopped.run, resumed: true } })
      expect(await lossOf(on), `stopped at ${steps}`).toBe((3 + 4 + 5 + 6) / 4)
    }
  })
})
