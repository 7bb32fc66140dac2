import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTally } from './tally.mjs'

const worker = fileURLToPath(new URL('mutant-worker.mjs', import.meta.url))

/**
 * Tries mutants in a process of its own that may die or never answer. `file` exports `open(folder)`, which resolves with `attempt(i)`: that resolves with
 * nothing where the ith mutant was read as it may be, and throws where not. An error with one of our codes is an answer (`named`); anything else, a
 * death of the process, or silence for longer than `patience` milliseconds, is `silent`.
 */
export async function tryMutants(file, { folder, count, patience = 60_000 }) {
  const tally = createTally()
  const codes = new Map()
  mkdirSync(folder, { recursive: true })
  for (let next = 0; next < count; ) {
    const child = spawn(
      process.execPath,
      ['--unhandled-rejections=strict', worker, file, folder, String(next), String(count)],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    )
    let stderr = ''
    child.stderr.on('data', (data) => (stderr = `${stderr}${data}`.slice(-2000)))
    child.stdout.resume()
    let timer
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(() => child.kill('SIGKILL'), patience)
    }
    wait()
    child.on('message', ({ i, outcome, what }) => {
      tally.add(outcome, `${path.basename(file, '.mjs')} ${i}: ${what}`)
      if (outcome === 'named') codes.set(what, (codes.get(what) ?? 0) + 1)
      next = i + 1
      wait()
    })
    const [code, signal] = await once(child, 'close')
    clearTimeout(timer)
    if (next >= count) break
    tally.add(
      'silent',
      `${path.basename(file, '.mjs')} ${next}: the process ended with ${signal ?? code}: ${stderr.slice(-500)}`,
    )
    next++
  }
  const named = [...codes].sort(([, a], [, b]) => b - a).map(([code, times]) => `${code} ${times}`)
  return { ...tally, note: named.slice(0, 6).join(', ') }
}
