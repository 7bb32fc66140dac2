import type { Progress } from '@lookalike/core'
import cliProgress from 'cli-progress'
import { formatDuration } from './format.js'

export interface ProgressBar {
  update(progress: Progress): void
  /** Takes the bar off the screen until the next event, so that a line can be written. */
  clear(): void
  stop(): void
}

/** A bar with rate and time left, one phase at a time. */
export function createProgressBar(stream: NodeJS.WriteStream): ProgressBar {
  let bar: cliProgress.SingleBar | undefined
  let phase = ''
  let started = 0
  let startedAt = 0

  const stop = () => {
    bar?.stop()
    bar = undefined
    phase = ''
  }

  return {
    update(progress) {
      if (progress.phase !== phase || !bar) {
        const finished = phase === progress.phase
        stop()
        phase = progress.phase
        if (!finished) {
          started = Date.now()
          startedAt = progress.done
        }
        bar = new cliProgress.SingleBar(
          {
            stream,
            fps: 8,
            hideCursor: true,
            clearOnComplete: true,
            barsize: 28,
            format: (barOptions, params, payload: Progress) =>
              line(barOptions, params.progress, payload, (Date.now() - started) / 1000, startedAt),
          },
          cliProgress.Presets.shades_classic,
        )
        bar.start(progress.total ?? 0, progress.done, progress)
      }
      if (progress.total !== undefined) bar.setTotal(progress.total)
      bar.update(progress.done, progress)
    },
    clear() {
      if (!bar) return
      bar.stop()
      bar = undefined
    },
    stop,
  }
}

function line(
  options: cliProgress.Options,
  share: number,
  progress: Progress,
  seconds: number,
  startedAt: number,
): string {
  const rate = seconds > 0.5 ? (progress.done - startedAt) / seconds : 0
  const filled = Math.round(share * (options.barsize ?? 28))
  const bar = '█'.repeat(filled) + '░'.repeat((options.barsize ?? 28) - filled)
  const known = progress.total !== undefined
  const left = known && rate > 0 ? formatDuration((progress.total - progress.done) / rate) : undefined
  return [
    progress.phase.padEnd(10),
    known ? `${bar} ${String(Math.floor(share * 100)).padStart(3)}%` : undefined,
    known ? `${progress.done}/${progress.total} ${progress.unit}s` : `${progress.done} ${progress.unit}s`,
    rate > 0 ? `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s` : undefined,
    left && `${left} left`,
    progress.note,
  ]
    .filter(Boolean)
    .join('  ')
}
