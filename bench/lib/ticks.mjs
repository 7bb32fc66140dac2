import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const EVERY_MS = 5

/**
 * Times between ticks of this process's main thread: by the clock, and by what the thread itself ran meanwhile, which other programs on the
 * machine do not lengthen. Both less the time between two ticks of a thread without work.
 */
export function watchTicks() {
  const [wall, own] = [[], []]
  let [at, ran] = [performance.now(), ranMs()]
  const timer = setInterval(() => {
    const [now, runs] = [performance.now(), ranMs()]
    wall.push(Math.max(0, now - at - EVERY_MS))
    own.push(runs - ran)
    ;[at, ran] = [now, runs]
  }, EVERY_MS)
  timer.unref()
  const summary = (times) => ({ longest: Math.max(0, ...times), p99: percentile(times, 99) })
  const read = () => ({ ticks: wall.length, wall: summary(wall), own: summary(own) })
  return {
    read,
    stop() {
      clearInterval(timer)
      return read()
    },
  }
}

/** What the main thread has been on a processor: Linux alone knows. */
const ranMs = () =>
  Number(readFileSync(`/proc/${process.pid}/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6

export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}

/** Loaded into another process (`--import`), it writes what it has seen there into files of this name, one for each process. */
const file = process.env.BENCH_TICKS
if (file && isMainThread && process.argv[1]?.endsWith('main.js')) {
  let watch = watchTicks()
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(watch.stop()))
    watch = watchTicks()
  })
}
