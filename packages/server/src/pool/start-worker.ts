import { type ChildProcess, fork } from 'node:child_process'
import { LookalikeError } from '@lookalike/core'
import { type FromWorker, type ModelRecipe, receiveError, type ToWorker } from './messages.js'

/** A process of the pool. */
export interface Worker {
  /** What it made of the recipe. @throws what made that fail */
  readonly ready: Promise<Extract<FromWorker, { type: 'ready' }>['model']>
  send(message: ToWorker): void
  /** At once, whatever it is doing. */
  kill(): void
}

export interface WorkerEvents {
  onMessage(message: Extract<FromWorker, { batch: number }>): void
  /** It ended, by itself or killed. Nothing comes after this. */
  onEnd(why: string): void
}

/** @param program the file of the worker's program */
export function startWorker(program: string, recipe: ModelRecipe, { onMessage, onEnd }: WorkerEvents): Worker {
  const child: ChildProcess = fork(program, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // Flags of this process (debuggers, loaders) are not for that one.
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let ended = false
  let settle: { resolve(model: Awaited<Worker['ready']>): void; reject(error: unknown): void }
  const ready = new Promise<Awaited<Worker['ready']>>((resolve, reject) => {
    settle = { resolve, reject }
  })
  ready.catch(() => {})
  const end = (why: string) => {
    if (ended) return
    ended = true
    settle.reject(workerEnded(why))
    onEnd(why)
  }
  child.once('error', (error) => end(error.message))
  child.once('exit', (code, signal) => end(signal ?? `code ${code}`))
  child.on('message', (message: FromWorker) => {
    if (ended) return
    if (message.type === 'ready') settle.resolve(message.model)
    else if (message.type === 'failed') {
      settle.reject(receiveError(message.error))
      child.kill('SIGKILL')
    } else onMessage(message)
  })
  const send = (message: ToWorker) => {
    // Its end is told by its exit.
    if (!ended && child.connected) child.send(message, () => {})
  }
  send({ type: 'start', recipe })
  return { ready, send, kill: () => child.kill('SIGKILL') }
}

export const workerEnded = (why: string) =>
  new LookalikeError(
    'pool/worker-ended',
    {
      problem: `The process that embeds images ended (${why})`,
      fix: 'If this happens with every image, try the model with: lookalike doctor --model',
    },
    { fields: { why } },
  )
