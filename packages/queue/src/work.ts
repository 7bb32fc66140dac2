import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Gallery, isLookalikeError, LookalikeError, toWarning } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'
import { type Job, WaitingError, Worker } from 'bullmq'
import { type Connection, connect, WAITING } from './connect.js'
import { indexCarefully } from './index-carefully.js'
import { indexBeside, indexImagesOnce, oneWriter, type ShardToIndex } from './index-shard.js'
import { PREFIX, type QueueOptions } from './options.js'
import { createRunState, queueNameOf, type RunRecord, type RunState } from './run-state.js'
import { type ShardJob, type ShardResult, unpackImages } from './shard-job.js'
import { sleep } from './sleep.js'

export interface WorkOptions extends QueueOptions {
  /** Seconds after which the shard of a worker that says nothing is another's. Default 30. */
  readonly lease?: number | undefined
  /** Wait for the next listing when one is done. Default false. */
  readonly stay?: boolean | undefined
}

/** What a worker has done. */
export interface Worked {
  readonly worker: string
  readonly shards: number
  /** Images that came into the gallery: added or replaced. */
  readonly images: number
  /** Those that were there already. */
  readonly unchanged: number
  readonly skipped: ShardResult['skipped']
}

/** How often a worker looks whether there is a listing, and whether it is done. */
const POLL_MS = 250
/** Shards that fail in a row before a worker gives up: then it is the worker. */
const FAILURES = 5
/** The longest pause after a failure, milliseconds. */
const PAUSE_MS = 30_000

/**
 * Takes shards of the listing that `indexWithWorkers` put into a queue, and indexes them, until all are done. Any number of workers may do so on any
 * number of machines; all need the same config, see the images, and reach the gallery: a database of several writers, or a folder that they share.
 * A worker that is killed loses its shard to another. One that is aborted hands it back.
 *
 * @throws `queue/address`, `queue/unavailable`, `queue/space` when the listing is for another model, `queue/one-writer`, and what made five shards in
 * a row fail
 *
 * @example
 * await work(pipeline, { queue: 'redis://localhost' })
 */
export async function work(pipeline: Pipeline, options: WorkOptions): Promise<Worked> {
  const { lease = 30, stay = false, signal, onProgress } = options
  const { space, dim } = await pipeline.model()
  const connection = await connect(options.queue, options)
  const name = queueNameOf(pipeline.config.name)
  const stop = new AbortController()
  const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const state = createRunState(connection, name)
  let worker: Worker<ShardJob, ShardResult> | undefined
  const shift: Shift = {
    pipeline,
    state,
    options: { ...options, signal: ended, onProgress: undefined },
    fail: (error) => stop.abort(error),
    worker: `${hostname()}:${process.pid}`,
    failures: 0,
    counts: { shards: 0, images: 0, unchanged: 0, skipped: [] },
  }
  try {
    let last: RunRecord | undefined
    for (;;) {
      const run = await orEnd(state.read(), ended)
      const open = run && run.state !== 'ended' ? run : undefined
      if (open && open.id !== last?.id) checkModel(open, { space, dim }, pipeline.config.name)
      if (open) worker ??= startWorker(shift, connection, name, lease)
      // Without a record the queue was emptied, and will be filled again.
      if (last && run && open?.id !== last.id && !stay) break
      last = open ?? last
      const { images } = shift.counts
      onProgress?.(
        last
          ? { phase: 'work', done: images, unit: 'image', note: `${shift.counts.shards} shards` }
          : { phase: 'wait for images', done: 0, unit: 'image' },
      )
      await sleep(POLL_MS, ended)
    }
    return { worker: shift.worker, ...shift.counts }
  } finally {
    stop.abort()
    await worker?.close().catch(() => undefined)
    await shift.gallery?.then((gallery) => gallery.close()).catch(() => undefined)
    connection.close()
  }
}

/** A worker at work. */
interface Shift {
  readonly pipeline: Pipeline
  readonly state: RunState
  readonly options: WorkOptions & { readonly signal: AbortSignal }
  /** Ends the worker with an error. */
  fail(error: unknown): void
  readonly worker: string
  /** Shards that failed in a row. */
  failures: number
  readonly counts: { shards: number; images: number; unchanged: number; skipped: ShardResult['skipped'] }
  /** The gallery of several writers, once it was needed. */
  gallery?: Promise<Gallery> | undefined
}

function startWorker(shift: Shift, connection: Connection, name: string, lease: number): Worker<ShardJob, ShardResult> {
  const milliseconds = Math.max(1, Math.round(lease * 1000))
  const worker = new Worker<ShardJob, ShardResult>(name, (job, token) => workOn(shift, job, token), {
    connection: { ...connection.address.options, ...WAITING },
    prefix: PREFIX,
    name: `${shift.worker}:${randomUUID().slice(0, 8)}`,
    lockDuration: milliseconds,
    stalledInterval: milliseconds,
    // How often a shard may be taken over is decided by what is known of its images.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    drainDelay: 1,
    runRetryDelay: 1_000,
  })
  worker.on('error', connection.onError)
  return worker
}

async function workOn(shift: Shift, job: Job<ShardJob, ShardResult>, token = ''): Promise<ShardResult> {
  const { state, options, counts } = shift
  const { signal } = options
  const { number } = job.data
  const run = await state.read()
  if (run?.id !== job.data.run) throw new LookalikeError('queue/ended', { problem: 'Its listing was given up' })
  const begun = await state.begin(run.id, number)
  try {
    signal.throwIfAborted()
    const shard = { run, number, images: unpackImages(job.data.images, shift.pipeline.path('.')) }
    const done = await indexShard(shift, shard, begun)
    await state.end(run.id, number)
    shift.failures = 0
    counts.shards++
    counts.images += done.added + done.replaced
    counts.unchanged += done.unchanged + done.updated
    counts.skipped = [...counts.skipped, ...done.skipped]
    return done
  } catch (error) {
    // It ended, if badly: nothing here killed its worker.
    await state.end(run.id, number)
    if (signal.aborted) {
      await job.moveToWait(token)
      throw new WaitingError()
    }
    await afterFailure(shift, number, error)
    throw error
  }
}

async function indexShard(shift: Shift, shard: ShardToIndex, begun: number): Promise<ShardResult> {
  const { pipeline, state, options, worker } = shift
  const { signal, onWarning } = options
  const operation = { signal, onWarning }
  const index = (gallery: Gallery) =>
    indexCarefully(state, shard, begun, gallery, (images) => indexImagesOnce(pipeline, gallery, images, operation))
  const { folder } = await pipeline.gallery()
  if (folder !== undefined) return { worker, ...(await indexBeside(pipeline, folder, shard, index, operation)) }
  shift.gallery ??= pipeline.openGallery('write', { onWarning })
  try {
    const gallery = await shift.gallery
    if (gallery.capabilities.writers !== 'many') throw oneWriter(gallery.name)
    return { worker, ...(await index(gallery)) }
  } catch (error) {
    // Whatever is wrong with it, the next shard opens it anew.
    const broken = shift.gallery
    shift.gallery = undefined
    await broken?.then((gallery) => gallery.close()).catch(() => undefined)
    throw error
  }
}

/** The pause is taken here, while the shard is still held: delays in the queue go by the clocks of workers. */
async function afterFailure(shift: Shift, number: number, error: unknown): Promise<void> {
  const { options } = shift
  shift.failures++
  const { code, message, fields } = isLookalikeError(error)
    ? toWarning(error)
    : { code: 'queue/shard', message: toWarning(error).message, fields: {} }
  options.onWarning?.({ code, message: `Shard ${number} failed: ${message}`, fields: { ...fields, shard: number } })
  if (shift.failures >= FAILURES) shift.fail(error)
  await sleep(Math.min(500 * 2 ** shift.failures, PAUSE_MS), options.signal).catch(() => undefined)
}

function checkModel(
  run: RunRecord,
  { space, dim }: { readonly space: string; readonly dim: number },
  name: string,
): void {
  if (run.space === space && run.dim === dim) return
  throw new LookalikeError(
    'queue/space',
    {
      problem: `The listing of "${name}" is for the model of ${run.space} (${run.dim} dimensions), and this worker has ${space} (${dim})`,
      expected: 'the same config and the same model files on every machine',
    },
    { fields: { wanted: run.space, held: space } },
  )
}

/** What a server that has gone may never answer. */
async function orEnd<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop = () => {}
  const end = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([answer, end])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
