import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTimeLimit } from './time-limit.js'

const late = new Error('late')

describe('createTimeLimit', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Work that takes `duration` on the clock, and `share` of a processor meanwhile. */
  function worker(share: number) {
    let start = performance.now()
    return {
      begin: () => {
        start = performance.now()
      },
      spent: () => (performance.now() - start) * share,
      kill: vi.fn(),
    }
  }
  const lasting = (duration: number) => () => new Promise<string>((resolve) => setTimeout(resolve, duration, 'done'))

  it('counts the time of a processor: a busy machine stops nothing', async () => {
    const runner = worker(0.25)
    const running = createTimeLimit(1000, () => late).run(lasting(3900), runner)
    await vi.advanceTimersByTimeAsync(3900)
    expect(await running).toBe('done')
    expect(runner.kill).not.toHaveBeenCalled()
  })

  it('stops what took its time, together with what ran before', async () => {
    const limit = createTimeLimit(1000, () => late)
    const runner = worker(1)
    const first = limit.run(lasting(600), runner)
    await vi.advanceTimersByTimeAsync(600)
    expect(await first).toBe('done')
    runner.begin()
    const second = expect(limit.run(lasting(600), runner)).rejects.toBe(late)
    await vi.advanceTimersByTimeAsync(500)
    await second
    expect(runner.kill).toHaveBeenCalledOnce()
  })

  it('stops what does nothing, after six times that on the clock', async () => {
    const runner = worker(0)
    const running = expect(createTimeLimit(1000, () => late).run(lasting(1e6), runner)).rejects.toBe(late)
    await vi.advanceTimersByTimeAsync(5900)
    expect(runner.kill).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(200)
    await running
    expect(runner.kill).toHaveBeenCalledOnce()
  })

  it('leaves work of this process alone, which nothing can stop', async () => {
    const running = createTimeLimit(1000, () => late).run(lasting(60_000))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await running).toBe('done')
  })
})
