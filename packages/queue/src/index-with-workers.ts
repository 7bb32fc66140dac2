import { randomUUID } from 'node:crypto'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { LookalikeError, type OperationOptions } from '@lookalike/core'
import { mergeShards } from '@lookalike/gallery'
import {
  type ImageToIndex,
  idsOfListing,
  type LeftOut,
  leftOutWarnings,
  listingDigest,
  readShardNote,
  type SkippedImage,
  shardRange,
  workersFolder,
} from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import { Queue } from 'bullmq'
import { type Connection, connect, WAITING } from './connect.js'
import { finishedShard, oneWriter, runFolder } from './index-shard.js'
import { PREFIX, type QueueOptions } from './options.js'
import { createRunState, queueNameOf, type RunRecord, type RunState } from './run-state.js'
import { createPacker, type ShardJob, type ShardResult } from './shard-job.js'
import { sleep } from './sleep.js'

/** What workers have put into the gallery. */
export interface IndexedWithWorkers {
  /** In the gallery now. */
  readonly images: number
  readonly shards: number
  /** Those that did something, `host:process`. */
  readonly workers: readonly string[]
  readonly added: number
  readonly replaced: number
  readonly updated: number
  readonly unchanged: number
  readonly skipped: readonly SkippedImage[]
  readonly leftOut: readonly LeftOut[]
}

export interface IndexWithWorkersOptions extends QueueOptions {
  /** Images a shard. Default 256. */
  readonly shardSize?: number | undefined
}

/** What is lost when a worker is killed, and small enough to share evenly. */
const SHARD_IMAGES = 256
/** How often a shard may fail before it is given up. */
const ATTEMPTS = 8
/** Jobs that are added or read at a time. */
const BLOCK_JOBS = 200
const POLL_MS = 250
/** How long this process leads without saying so again, milliseconds. */
const LEAD_MS = 30_000
/** Shards that an error names. */
const SHOWN = 5

/**
 * Shares the indexing of images out to workers: cuts the listing into shards, puts them into the queue, waits until all are done, and puts them together
 * where the gallery is a folder. The gallery is then as `pipeline.index` would have left it. What was interrupted goes on when it is called again with the
 * same images; shards that failed are tried again.
 *
 * @param images as `pipeline.index` takes them; workers must be able to read them
 * @throws `queue/address`, `queue/unavailable`, `queue/busy` when another process fills this config's queue, `queue/one-writer`, `queue/source`,
 * `queue/failed` naming shards that failed, `queue/not-shared` when workers see another folder than this process, `index/no-images`, `index/duplicate-id`
 *
 * @example
 * const { images, skipped } = await indexWithWorkers(pipeline, ['s3://shop/photos/'], { queue: 'redis://localhost' })
 */
export async function indexWithWorkers(
  pipeline: Pipeline,
  images: string | readonly (string | ImageToIndex)[] | undefined,
  options: IndexWithWorkersOptions,
): Promise<IndexedWithWorkers> {
  const { signal, onProgress, onWarning } = options
  const operation: OperationOptions = { signal, onProgress, onWarning }
  const connection = await connect(options.queue, options)
  const name = queueNameOf(pipeline.config.name)
  const state = createRunState(connection, name)
  const me = `${hostname()}:${process.pid}:${randomUUID()}`
  const queue = new Queue<ShardJob, ShardResult>(name, {
    connection: { ...connection.address.options, ...WAITING },
    prefix: PREFIX,
  })
  queue.on('error', connection.onError)
  try {
    await lead(state, me, connection, signal)
    const keepLeading = setInterval(() => void state.lead(me, LEAD_MS).catch(() => undefined), LEAD_MS / 3)
    try {
      const found = await pipeline.listImages(images, operation)
      for (const warning of leftOutWarnings(found.leftOut)) onWarning?.(warning)
      await checkGallery(pipeline, operation)
      const filling: Filling = { pipeline, queue, state, images: found.images, size: options.shardSize ?? SHARD_IMAGES }
      const run = await fill(filling, operation)
      await settle(filling, run, operation)
      const results = await resultsOf(queue)
      const counts = await collect(pipeline, run, results, operation)
      await end(filling, run)
      const workers = [...new Set(results.map(({ worker }) => worker))].sort()
      return { shards: run.shards, workers, ...counts, leftOut: found.leftOut }
    } finally {
      clearInterval(keepLeading)
      await settleSoon(state.resign(me))
    }
  } finally {
    await settleSoon(queue.close())
    connection.close()
  }
}

/** A server that has gone is not waited for when everything else is over. */
const settleSoon = (work: Promise<unknown>) =>
  Promise.race([work.catch(() => undefined), sleep(1_000).catch(() => undefined)])

async function lead(
  state: RunState,
  me: string,
  { address }: Connection,
  signal: AbortSignal | undefined,
): Promise<void> {
  // One that was killed leads on for as long as its word holds.
  for (let waited = 0; !(await state.lead(me, LEAD_MS)); waited += POLL_MS) {
    if (waited > LEAD_MS + 5_000)
      throw new LookalikeError('queue/busy', {
        problem: `Another process shares out images of this config over ${address.name}`,
        expected: 'one at a time',
        fix: 'Wait until it is done, or give this config another name.',
      })
    await sleep(POLL_MS, signal)
  }
}

/** Makes a gallery of several writers, so that workers find it, and refuses one that they could not share. */
async function checkGallery(pipeline: Pipeline, options: OperationOptions): Promise<void> {
  const { folder } = await pipeline.gallery()
  if (folder !== undefined) return
  const gallery = await pipeline.openGallery('write', options)
  try {
    if (gallery.capabilities.writers !== 'many') throw oneWriter(gallery.name)
  } finally {
    await gallery.close()
  }
}

interface Filling {
  readonly pipeline: Pipeline
  readonly queue: Queue<ShardJob, ShardResult>
  readonly state: RunState
  readonly images: Awaited<ReturnType<Pipeline['listImages']>>['images']
  /** Images a shard. */
  readonly size: number
}

/** Puts all shards into the queue, once each; what an interrupted run of the same listing has done stays done. */
async function fill(filling: Filling, options: OperationOptions): Promise<RunRecord> {
  const { pipeline, queue, state, images, size } = filling
  const { space, dim } = await pipeline.model()
  const listing = listingDigest(await idsOfListing(images, pipeline.path('.')))
  const shards = Math.ceil(images.length / size)
  const before = await state.read()
  const goesOn =
    before !== undefined &&
    before.state !== 'ended' &&
    before.listing === listing &&
    before.shards === shards &&
    before.space === space
  let run: RunRecord
  if (goesOn) {
    run = before
    await queue.retryJobs({ state: 'failed' })
  } else {
    if (before) await clear(filling, before)
    const id = `${listing.slice(0, 12)}-${randomUUID().slice(0, 8)}`
    run = { id, listing, images: images.length, shards, space, dim, state: 'filling' }
  }
  await putJobs(filling, run, options)
  return { ...run, state: 'filled' }
}

/** Jobs that are there already are not put twice: a shard has one name. */
async function putJobs(
  { pipeline, queue, state, images }: Filling,
  run: RunRecord,
  { signal, onProgress }: OperationOptions,
): Promise<void> {
  await state.write({ ...run, state: 'filling' })
  const pack = createPacker(pipeline.path('.'))
  for (let first = 1; first <= run.shards; first += BLOCK_JOBS) {
    signal?.throwIfAborted()
    const numbers = Array.from({ length: Math.min(BLOCK_JOBS, run.shards - first + 1) }, (_, i) => first + i)
    const jobs: Parameters<typeof queue.addBulk>[0] = []
    for (const number of numbers) {
      const { start, end } = shardRange(images.length, { number, of: run.shards })
      const data: ShardJob = { run: run.id, number, images: await pack(images.slice(start, end)) }
      jobs.push({ name: 'shard', data, opts: { jobId: `${run.id}-${number}`, attempts: ATTEMPTS } })
    }
    await queue.addBulk(jobs)
    onProgress?.({ phase: 'share out', done: numbers.at(-1)!, total: run.shards, unit: 'shard' })
  }
  await state.write({ ...run, state: 'filled' })
}

/** Waits until every shard is done or was given up. */
async function settle(filling: Filling, run: RunRecord, options: OperationOptions): Promise<void> {
  const { queue, state } = filling
  const { signal, onProgress, onWarning } = options
  let told = false
  for (let looks = 0; ; looks++) {
    const { completed = 0, failed = 0 } = await queue.getJobCounts('completed', 'failed')
    const done = Math.round((run.images * completed) / run.shards)
    onProgress?.({ phase: 'index', done, total: run.images, unit: 'image' })
    if (completed + failed >= run.shards) break
    if ((await state.read())?.id !== run.id) {
      onWarning?.({ code: 'queue/lost', message: 'The queue was emptied. It is filled again.', fields: {} })
      await putJobs(filling, run, options)
    }
    if (!told && looks >= 20 && completed === 0 && (await queue.getWorkersCount()) === 0) {
      told = true
      onWarning?.({
        code: 'queue/no-worker',
        message: 'No worker is there yet. Start some: lookalike work',
        fields: {},
      })
    }
    await sleep(POLL_MS, signal)
  }
  const failed = await queue.getJobs(['failed'], 0, SHOWN - 1)
  if (failed.length === 0) return
  const { failed: count } = await queue.getJobCounts('failed')
  throw new LookalikeError(
    'queue/failed',
    {
      problem: `${count} of ${run.shards} shards failed: ${failed.map(({ data, failedReason }) => `${data.number} (${failedReason})`).join('; ')}`,
      expected: 'shards that can be indexed',
      fix: 'Mend the cause and run the same command again: what is done stays done, these are tried again.',
    },
    { fields: { shards: failed.map(({ data }) => data.number) } },
  )
}

async function resultsOf(queue: Queue<ShardJob, ShardResult>): Promise<ShardResult[]> {
  const results: ShardResult[] = []
  for (let start = 0; ; start += BLOCK_JOBS) {
    const jobs = await queue.getJobs(['completed'], start, start + BLOCK_JOBS - 1, true)
    results.push(...jobs.map(({ returnvalue }) => returnvalue))
    if (jobs.length < BLOCK_JOBS) return results
  }
}

/** Puts shards together where they were made apart, and brings up to date what is kept of the whole. */
async function collect(
  pipeline: Pipeline,
  run: RunRecord,
  results: readonly ShardResult[],
  options: OperationOptions,
): Promise<Omit<IndexedWithWorkers, 'shards' | 'workers' | 'leftOut'>> {
  const { folder } = await pipeline.gallery()
  if (folder !== undefined) await checkShared(folder, run, results)
  const gallery = await pipeline.openGallery('write', options)
  try {
    const counts =
      folder === undefined
        ? sumOf(results)
        : await mergeShards(
            gallery,
            Array.from({ length: run.shards }, (_, i) => finishedShard(folder, run, i + 1)),
            options,
          )
    await pipeline.prepareGallery(gallery, options)
    const { added, replaced, updated, unchanged, skipped } = counts
    return { images: await gallery.count(), added, replaced, updated, unchanged, skipped }
  } finally {
    await gallery.close()
  }
}

function sumOf(results: readonly ShardResult[]): Omit<ShardResult, 'worker' | 'folder'> {
  const total = { added: 0, replaced: 0, updated: 0, unchanged: 0 }
  for (const result of results)
    for (const key of ['added', 'replaced', 'updated', 'unchanged'] as const) total[key] += result[key]
  return { ...total, skipped: results.flatMap(({ skipped }) => skipped) }
}

/** A worker on another machine may have another folder of the same name. */
async function checkShared(gallery: string, run: RunRecord, results: readonly ShardResult[]): Promise<void> {
  for (let number = 1; number <= run.shards; number++) {
    const folder = finishedShard(gallery, run, number)
    if (await readShardNote(folder)) continue
    const result = results.find((each) => path.basename(each.folder ?? '') === path.basename(folder))
    throw new LookalikeError(
      'queue/not-shared',
      {
        problem: `Shard ${number} of ${run.shards} is not at ${folder}${result ? `: ${result.worker} made it at ${result.folder}` : ''}`,
        expected: 'one folder that this process and all workers see',
        fix: 'Put the gallery on a disk that all machines share, or use a gallery of several writers.',
      },
      { fields: { shard: number, worker: result?.worker } },
    )
  }
}

/** First it is said that it is over: what is left is then nobody's. */
async function end(filling: Filling, run: RunRecord): Promise<void> {
  await filling.state.write({ ...run, state: 'ended' })
  await clear(filling, run)
}

async function clear({ pipeline, queue, state }: Filling, run: RunRecord): Promise<void> {
  await queue.obliterate({ force: true })
  await state.forget(run.id)
  const { folder } = await pipeline.gallery()
  if (folder === undefined) return
  await rm(runFolder(folder, run), { recursive: true, force: true })
  const left = await readdir(workersFolder(folder)).catch(() => undefined)
  if (left?.length === 0) await rmdir(workersFolder(folder)).catch(() => undefined)
}
