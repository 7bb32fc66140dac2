import type { RunLog } from '@lookalike/core'

/** Figures of steps, written to the log as their means. */
export interface LogWindow {
  /** Seconds of a part of the step go under `seconds.<part>`. */
  add(name: string, value: number): void
  /** Milliseconds since it was last asked, or since the window was made. */
  sinceLast(): number
  /** Writes a line of the means since the last one, if there was a step. */
  flush(at: { readonly step: number; readonly epoch: number }): Promise<void>
}

const SECONDS = 'seconds.'

/** @param unit of what batches are made: `image`, `pair` */
export function createLogWindow(log: RunLog, unit: string): LogWindow {
  let sums = new Map<string, { sum: number; count: number }>()
  let last = performance.now()
  return {
    add(name, value) {
      const entry = sums.get(name) ?? { sum: 0, count: 0 }
      entry.sum += value
      entry.count++
      sums.set(name, entry)
    },
    sinceLast() {
      const now = performance.now()
      const passed = now - last
      last = now
      return passed
    },
    async flush({ step, epoch }) {
      if (!sums.has('loss')) return
      const means = [...sums].map(([name, { sum, count }]) => [name, sum / count] as const)
      sums = new Map()
      const plain = means.filter(([name]) => name !== 'items' && !name.startsWith(SECONDS))
      const parts = means.filter(([name]) => name.startsWith(SECONDS))
      const { items = 0 } = Object.fromEntries(means)
      const seconds = parts.reduce((sum, [, value]) => sum + value, 0)
      await log.write({
        step,
        epoch,
        ...Object.fromEntries(plain.map(([name, value]) => [name, rounded(value)])),
        [`${unit}sPerSecond`]: rounded(items / seconds),
        seconds: Object.fromEntries(parts.map(([name, value]) => [name.slice(SECONDS.length), rounded(value)])),
      })
    },
  }
}

const rounded = (value: number) => Number(value.toPrecision(6))
