import type { Progress } from '@lookalike/core'
import { formatDuration } from './format.js'
import { printable } from './printable.js'

/** Milliseconds between two lines. */
const PAUSE = 5000

/** Progress where there is no terminal: a line now and then, for the logs of a container. */
export function createProgressLines(write: (line: string) => void, now: () => number = Date.now) {
  let phase = ''
  let started = 0
  let startedAt = 0
  let last = now()
  return {
    update(progress: Progress): void {
      const time = now()
      if (progress.phase !== phase) {
        phase = progress.phase
        started = time
        startedAt = progress.done
      }
      if (time - last < PAUSE) return
      last = time
      write(lineOf(progress, (time - started) / 1000, startedAt))
    },
    clear(): void {},
    stop(): void {
      phase = ''
    },
  }
}

function lineOf({ phase, done, total, unit, note }: Progress, seconds: number, startedAt: number): string {
  const rate = seconds > 0.5 ? (done - startedAt) / seconds : 0
  const parts = [
    total === undefined
      ? `${done} ${unit}s`
      : `${done}/${total} ${unit}s (${Math.floor((done / (total || 1)) * 100)}%)`,
    rate > 0 && `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`,
    rate > 0 && total !== undefined && `${formatDuration((total - done) / rate)} left`,
    note !== undefined && printable(note),
  ]
  return `${phase}: ${parts.filter(Boolean).join(', ')}`
}
