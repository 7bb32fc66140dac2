import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import * as z from 'zod'

/** One of several parts of a listing: 2 of 8. */
export interface Shard {
  /** From 1. */
  readonly number: number
  readonly of: number
}

/**
 * What `2/8` says.
 *
 * @throws `index/shard`
 */
export function parseShard(text: string): Shard {
  const [, number, of] = /^\s*(\d{1,7})\s*\/\s*(\d{1,7})\s*$/.exec(text) ?? []
  const shard = { number: Number(number), of: Number(of) }
  if (number !== undefined && shard.number >= 1 && shard.number <= shard.of) return shard
  throw new LookalikeError(
    'index/shard',
    {
      problem: `The shard is ${JSON.stringify(text)}`,
      expected: 'which shard of how many, counted from 1: 1/8 to 8/8',
      fix: 'Schedulers that count from 0 need one more: $((SLURM_ARRAY_TASK_ID + 1))/8',
    },
    { fields: { shard: text } },
  )
}

export const describeShard = ({ number, of }: Shard): string => `shard ${number} of ${of}`

/** Where a shard begins and ends among so many images. Shards follow each other and differ by one image at most. */
export function shardRange(images: number, { number, of }: Shard): { readonly start: number; readonly end: number } {
  const before = (shards: number) => Math.floor(images / of) * shards + Math.floor(((images % of) * shards) / of)
  return { start: before(number - 1), end: before(number) }
}

/** The folder of the shards of a gallery that is a folder. */
export const shardsFolder = (gallery: string): string => `${gallery}.shards`

/** The folder in which workers make shards of a gallery that is a folder. */
export const workersFolder = (gallery: string): string => `${gallery}.workers`

/** Where a shard of a gallery that is a folder is made. */
export const shardFolder = (gallery: string, { number, of }: Shard): string =>
  path.join(shardsFolder(gallery), `${number}-of-${of}`)

/** SHA-256 of the ids of a listing, in its order. Shards belong together when they were cut from the same. */
export function listingDigest(ids: Iterable<string>): string {
  const hash = createHash('sha256')
  for (const id of ids) hash.update(`${Buffer.byteLength(id)} ${id}\n`)
  return hash.digest('hex')
}

const NOTE = 'shard.json'

const noteSchema = z.strictObject({
  format: z.literal('lookalike-shard'),
  version: z.literal(1),
  shard: z.int().min(1),
  of: z.int().min(1),
  /** Of the listing that it is a part of. */
  listing: z.string(),
  /** In the whole listing. */
  images: z.int().min(0),
  /** False while it is being made. */
  finished: z.boolean(),
  /** Those that could not be read. */
  skipped: z.array(z.object({ id: z.string(), code: z.string(), message: z.string() })),
})

/** What the gallery of a shard says of itself, in `shard.json` in its folder. */
export type ShardNote = Omit<z.infer<typeof noteSchema>, 'format' | 'version'>

/**
 * The note of a gallery that is a shard; undefined for any other folder.
 *
 * @throws `merge/shard` for a note that cannot be read
 */
export async function readShardNote(folder: string): Promise<ShardNote | undefined> {
  const file = path.join(folder, NOTE)
  try {
    const { format: _, version: __, ...note } = noteSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    return note
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new LookalikeError(
      'merge/shard',
      { problem: `${file} is not the note of a shard`, fix: 'Index this shard again.' },
      { fields: { path: file }, cause },
    )
  }
}

export async function writeShardNote(folder: string, note: ShardNote): Promise<void> {
  const file = path.join(folder, NOTE)
  const text = JSON.stringify({ format: 'lookalike-shard', version: 1, ...note }, undefined, 2)
  await writeFile(`${file}.tmp`, `${text}\n`, { flush: true })
  await rename(`${file}.tmp`, file)
}
