import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url))

/** Runs the built command in a folder. With `after`, it is ended by `signal` so many milliseconds later. */
export async function lookalike(args, { cwd, env, after, signal = 'SIGKILL' }) {
  const started = performance.now()
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, NO_COLOR: '1', ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += data))
  child.stderr.on('data', (data) => (stderr += data))
  const timer = after === undefined ? undefined : setTimeout(() => child.kill(signal), after)
  const [code, endedBy] = await once(child, 'close')
  clearTimeout(timer)
  return { code, signal: endedBy, stdout, stderr, milliseconds: performance.now() - started }
}

/** The same, where it must end well. */
export async function succeed(args, options) {
  const result = await lookalike(args, options)
  if (result.code !== 0)
    throw new Error(`lookalike ${args.join(' ')} ended with ${result.code ?? result.signal}: ${result.stderr}`)
  return result
}
