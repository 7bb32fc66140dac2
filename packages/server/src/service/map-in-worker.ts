import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { LookalikeError } from '@lookalike/core'
import type { Layout } from './map-layout.js'

export type ToMapWorker =
  | { readonly layout: Layout; readonly sample: Float32Array; readonly dim: number }
  | { readonly vectors: Float32Array }

export interface FromMapWorker {
  readonly points: Float32Array
}

/** Places vectors on a map that was made of a sample. */
export interface Projection {
  /** @param vectors row-major; it may be emptied. @returns x and y of each row */
  place(vectors: Float32Array): Promise<Float32Array>
  dispose(): Promise<unknown>
}

/**
 * A map in a thread of its own: this one goes on meanwhile.
 *
 * @param signal ends the thread
 * @throws `serve/map` where the thread ends early or its program is missing
 */
export async function mapInWorker(
  layout: Layout,
  sample: Float32Array,
  dim: number,
  signal: AbortSignal,
): Promise<Projection> {
  signal.throwIfAborted()
  const worker = new Worker(programFile(), { execArgv: [] })
  const end = () => void worker.terminate()
  signal.addEventListener('abort', end, { once: true })
  const dispose = () => {
    signal.removeEventListener('abort', end)
    return worker.terminate()
  }
  let waiting: { resolve(points: Float32Array): void; reject(error: unknown): void } | undefined
  let over: LookalikeError | undefined
  const fail = (error: LookalikeError) => {
    over ??= error
    waiting?.reject(over)
  }
  worker.on('message', ({ points }: FromMapWorker) => waiting?.resolve(points))
  worker.on('error', (error) => fail(ended(error.message, error)))
  worker.on('exit', (code) => fail(ended(`code ${code}`)))
  const ask = (message: ToMapWorker) =>
    new Promise<Float32Array>((resolve, reject) => {
      if (over) throw over
      waiting = { resolve, reject }
      const { buffer } = 'sample' in message ? message.sample : message.vectors
      worker.postMessage(message, [buffer as ArrayBuffer])
    })
  try {
    await ask({ layout, sample, dim })
  } catch (error) {
    await dispose()
    throw error
  }
  return { place: (vectors) => ask({ vectors }), dispose }
}

const ended = (why: string, cause?: Error) =>
  new LookalikeError(
    'serve/map',
    {
      problem: `The thread that makes the map ended: ${why}`,
      fix: 'Ask for it again; "pca" needs less room than "umap".',
    },
    { cause },
  )

function programFile(): string {
  const file = fileURLToPath(new URL('./map-worker.js', import.meta.url))
  if (existsSync(file)) return file
  throw new LookalikeError(
    'serve/map',
    {
      problem: `The program of the thread that makes the map is not at ${file}`,
      fix: 'A bundler left it out: keep @lookalike/server out of the bundle (mark it as external).',
    },
    { fields: { file } },
  )
}
