import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Augmentation, isLookalikeError, LookalikeError, type PluginRef } from '@lookalike/core'
import { type BatchJob, type FilledBatch, type FillSettings, fillBatch } from './fill-batch.js'

/** An augmentation as a worker thread finds it again. */
export interface AugmentationOrigin {
  readonly ref: PluginRef<'augmentation'>
  /** The module whose default export holds the plugin. */
  readonly url: string
}

/** What a worker thread gets when it starts. */
export interface WorkerData {
  readonly settings: FillSettings
  readonly origins: readonly AugmentationOrigin[]
}

export interface WorkerAnswer {
  readonly id: number
  readonly filled?: FilledBatch | undefined
  readonly error?: {
    readonly code?: string | undefined
    readonly message: string
    readonly fields?: Readonly<Record<string, unknown>> | undefined
  }
}

export interface Fillers {
  readonly workers: number
  /** Batches that are worth asking for at once. */
  readonly ahead: number
  fill(job: BatchJob): Promise<FilledBatch>
  dispose(): Promise<void>
}

export interface FillerOptions extends FillSettings {
  readonly augmentations: readonly Augmentation[]
  readonly origins?: readonly AugmentationOrigin[] | undefined
  readonly workers: number
}

/** Threads that make batches ready. From the sources, where the worker's own file is not built, this thread does it. */
export async function createFillers(options: FillerOptions): Promise<Fillers> {
  const { augmentations, origins, preprocessing, edge, seed, limits } = options
  const settings: FillSettings = { preprocessing, edge, seed, limits }
  const script = new URL('./worker.js', import.meta.url)
  if (options.workers === 0 || !origins || !existsSync(fileURLToPath(script))) {
    return { workers: 0, ahead: 2, fill: (job) => fillBatch(job, augmentations, settings), dispose: async () => {} }
  }
  const workerData: WorkerData = { settings, origins }
  const threads = await Promise.all(Array.from({ length: options.workers }, () => startThread(script, workerData)))
  return {
    workers: threads.length,
    ahead: threads.length + 1,
    fill: (job) => threads.reduce((best, thread) => (thread.pending() < best.pending() ? thread : best)).fill(job),
    dispose: async () => {
      await Promise.all(threads.map((thread) => thread.stop()))
    },
  }
}

interface Thread {
  pending(): number
  fill(job: BatchJob): Promise<FilledBatch>
  stop(): Promise<void>
}

function startThread(script: URL, workerData: WorkerData): Thread {
  const worker = new Worker(script, { workerData })
  // A waiting thread must not keep the process from ending.
  worker.unref()
  const waiting = new Map<number, { resolve(filled: FilledBatch): void; reject(error: unknown): void }>()
  let count = 0
  let broken: unknown
  const fail = (error: unknown) => {
    broken = error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('error', (cause) => fail(workerFailed(cause)))
  worker.on('exit', (code) => fail(workerFailed(new Error(`it ended with code ${code}`))))
  worker.on('message', ({ id, filled, error }: WorkerAnswer) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
    if (filled) asked?.resolve(filled)
    else
      asked?.reject(
        error?.code === undefined
          ? workerFailed(new Error(error?.message))
          : new LookalikeError(error.code, { problem: error.message }, { fields: error.fields ?? {} }),
      )
  })
  return {
    pending: () => waiting.size,
    fill: (job) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken as Error)
        const id = count++
        waiting.set(id, { resolve, reject })
        worker.ref()
        worker.postMessage({ id, job })
      }),
    stop: async () => {
      waiting.clear()
      await worker.terminate()
    },
  }
}

function workerFailed(cause: unknown): LookalikeError {
  if (isLookalikeError(cause)) return cause
  return new LookalikeError(
    'train/worker',
    {
      problem: `A thread that loads images failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: 'Set "workers" to 0 to load in the main thread, where the cause shows.',
    },
    { cause },
  )
}
