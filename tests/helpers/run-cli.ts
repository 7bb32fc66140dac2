import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const main = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv | undefined
}

interface SpawnOptions extends RunOptions {
  /** Where it fails, the process is ended. */
  readonly onStart?: ((kill: (signal: NodeJS.Signals) => void) => unknown) | undefined
}

const PLAIN = { FORCE_COLOR: undefined, NO_COLOR: '1' }
let last: Promise<unknown> = Promise.resolve()

/**
 * Runs the built command in this process, as if it had been started in a folder: a process of its own takes a second to start, and the tests run
 * hundreds. One at a time: the folder, the environment and the streams are the process's. For what a process is or does, there is `spawnCli`.
 */
export function runCli(args: readonly string[], options: RunOptions): Promise<CliResult> {
  const result = last.then(() => runHere(args, options))
  last = result.catch(() => undefined)
  return result
}

async function runHere(args: readonly string[], { cwd, env }: RunOptions): Promise<CliResult> {
  const said = { stdout: '', stderr: '' }
  const undo = [inFolder(cwd), inEnvironment({ ...PLAIN, ...env })]
  for (const name of ['stdout', 'stderr'] as const) undo.push(listenTo(process[name], (text) => (said[name] += text)))
  try {
    const { run } = (await import(BUILT)) as typeof import('../../apps/cli/src/index.js')
    return { code: await run(args), ...said }
  } finally {
    for (const back of undo) back()
  }
}

const BUILT = fileURLToPath(new URL('../../apps/cli/dist/index.js', import.meta.url))

// Whether there are colours is read once, when this is first loaded, which a test may do by loading plugins.
const coloured = inEnvironment(PLAIN)
createRequire(BUILT)('picocolors')
coloured()

function inFolder(folder: string): () => void {
  const before = process.cwd()
  process.chdir(folder)
  return () => process.chdir(before)
}

function inEnvironment(variables: NodeJS.ProcessEnv): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(variables)) set(name, value)
  return () => {
    for (const [name, value] of before) set(name, value)
  }
}

function listenTo(stream: NodeJS.WriteStream, hear: (text: string) => void): () => void {
  const { write } = stream
  stream.write = (part: string | Uint8Array, ...rest: unknown[]) => {
    hear(typeof part === 'string' ? part : Buffer.from(part).toString())
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined
    if (done) queueMicrotask(done)
    return true
  }
  return () => {
    stream.write = write
  }
}

/** Runs the built command in a folder, in a process of its own. */
export const spawnCli = (args: readonly string[], options: SpawnOptions): Promise<CliResult> =>
  runNode([main, ...args], options)

/** Runs a script in a folder. */
export function runNode(args: readonly string[], options: SpawnOptions): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: { ...process.env, ...PLAIN, ...options.env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
    child.on('error', reject)
    // As a shell counts: 128 and the number of the signal that ended it.
    child.on('close', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal!], stdout, stderr }))
    const started = async () => options.onStart?.((signal) => child.kill(signal))
    started().catch((error: unknown) => {
      child.kill('SIGKILL')
      reject(error instanceof Error ? error : new Error(String(error)))
    })
  })
}
