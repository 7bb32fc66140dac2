import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Gallery, isLookalikeError, LookalikeError, type OperationOptions } from '@lookalike/core'
import {
  type FoundImage,
  idsOfListing,
  readShardNote,
  type SkippedImage,
  workersFolder,
  writeShardNote,
} from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import type { RunRecord } from './run-state.js'
import type { ShardResult } from './shard-job.js'
import { sleep } from './sleep.js'

/** A shard that is to be indexed. */
export interface ShardToIndex {
  readonly run: RunRecord
  /** From 1. */
  readonly number: number
  readonly images: readonly FoundImage[]
}

/** How the images of a shard come into a gallery. */
export type IndexInto = (gallery: Gallery) => Promise<Omit<ShardResult, 'worker' | 'folder'>>

/** The shards of a run that are done, for a gallery that is a folder. */
export const runFolder = (gallery: string, { id }: RunRecord): string => path.join(workersFolder(gallery), id)

export const finishedShard = (gallery: string, run: RunRecord, number: number): string =>
  path.join(runFolder(gallery, run), `${number}-of-${run.shards}`)

/**
 * Makes a shard beside a gallery that is a folder and has one writer. Each attempt has a folder of its own, which gets the shard's name when all is in
 * it: of two attempts, one counts. A shard that is there already is not made again.
 */
export async function indexBeside(
  pipeline: Pipeline,
  gallery: string,
  { run, number, images }: ShardToIndex,
  index: IndexInto,
  options: OperationOptions,
): Promise<Omit<ShardResult, 'worker'>> {
  const finished = finishedShard(gallery, run, number)
  const note = await readShardNote(finished)
  if (note) {
    const added = images.length - note.skipped.length
    return { folder: finished, added, replaced: 0, updated: 0, unchanged: 0, skipped: note.skipped }
  }
  const attempt = path.join(runFolder(gallery, run), `.${number}.${randomUUID().slice(0, 8)}`)
  await mkdir(path.dirname(attempt), { recursive: true })
  try {
    const shard = await pipeline.openGallery('write', { ...options, folder: attempt })
    let counts: Awaited<ReturnType<IndexInto>>
    try {
      counts = await index(shard)
      await pipeline.prepareRerankers(shard, options)
    } finally {
      await shard.close()
    }
    const { id: listing, images: all, shards: of } = run
    await writeShardNote(attempt, {
      shard: number,
      of,
      listing,
      images: all,
      finished: true,
      skipped: [...counts.skipped],
    })
    await rename(attempt, finished).catch((error: unknown) => {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    })
    return { folder: finished, ...counts }
  } finally {
    await rm(attempt, { recursive: true, force: true })
  }
}

/** Milliseconds before images that may come another time are tried again. */
const AGAIN_MS = [1_000, 5_000]
/** What a network does, and not an image. */
const PASSING = new Set(['image/network', 'image/timeout', 'image/http'])

/** Indexes images; what a network did not give is asked for again. An image that cannot be read is named, not thrown, also where it is the only one. */
export async function indexImagesOnce(
  pipeline: Pipeline,
  gallery: Gallery,
  images: readonly FoundImage[],
  options: OperationOptions,
): Promise<Omit<ShardResult, 'worker' | 'folder'>> {
  const total = { added: 0, replaced: 0, updated: 0, unchanged: 0 }
  let skipped: readonly SkippedImage[] = []
  let wanted = images
  for (const wait of [...AGAIN_MS, undefined]) {
    const done = await indexOrSkip(pipeline, gallery, wanted, options)
    for (const key of ['added', 'replaced', 'updated', 'unchanged'] as const) total[key] += done[key]
    const passing = wait === undefined ? [] : done.skipped.filter(({ code }) => PASSING.has(code))
    skipped = [...skipped, ...done.skipped.filter((each) => !passing.includes(each))]
    if (passing.length === 0) break
    await sleep(wait!, options.signal)
    wanted = await imagesOf(wanted, passing, gallery)
  }
  return { ...total, skipped }
}

async function indexOrSkip(
  pipeline: Pipeline,
  gallery: Gallery,
  images: readonly FoundImage[],
  options: OperationOptions,
): Promise<Omit<ShardResult, 'worker' | 'folder'>> {
  try {
    return await pipeline.index(images, { ...options, gallery, prepare: false, urls: 'any' })
  } catch (error) {
    if (!isLookalikeError(error, 'index/nothing-readable')) throw error
    return { added: 0, replaced: 0, updated: 0, unchanged: 0, skipped: error.fields.skipped as SkippedImage[] }
  }
}

/** The images that were skipped, by their ids. */
async function imagesOf(
  images: readonly FoundImage[],
  skipped: readonly SkippedImage[],
  { root }: Gallery,
): Promise<readonly FoundImage[]> {
  const ids = await idsOfListing(images, root)
  const wanted = new Set(skipped.map(({ id }) => id))
  return images.filter((_, i) => wanted.has(ids[i]!))
}

/** What is thrown where several workers would write to a gallery that takes one. */
export const oneWriter = (gallery: string): LookalikeError =>
  new LookalikeError('queue/one-writer', {
    problem: `${gallery} takes one writer at a time, and is no folder beside which workers could make shards`,
    expected: 'a gallery of several writers, or one that is a folder which all workers see',
  })
