import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { writeWhole } from '../store/write-whole.js'

/** What stands beside a saved graph, in `<file>.json`. */
const noteSchema = z.strictObject({
  format: z.literal('lookalike-usearch'),
  version: z.literal(2),
  space: z.string(),
  dim: z.int().min(1),
  precision: z.enum(['fp32', 'fp16', 'int8']),
  connectivity: z.int(),
  /** Positions given so far, removed ones included. */
  rows: z.int().min(0),
  /** Positions that were removed: the graph still has them. */
  removed: z.array(z.int()),
  /** Nodes that stand for no position, as [first key, how many]: an addition that was stopped leaves them. */
  gaps: z.array(z.tuple([z.int(), z.int()]).readonly()).readonly(),
  /** Length of every vector, where only directions are kept. */
  norm: z.number().nullable(),
  bytes: z.int().min(0),
  /** CRC-32 of the file. */
  checksum: z.int(),
})

export type SnapshotNote = z.infer<typeof noteSchema>

const BLOCK = 1 << 20

export async function writeNote(
  file: string,
  note: Omit<SnapshotNote, 'format' | 'version' | 'bytes' | 'checksum'>,
): Promise<void> {
  const whole: SnapshotNote = {
    format: 'lookalike-usearch',
    version: 2,
    ...note,
    bytes: statSync(file).size,
    checksum: checksumOf(file),
  }
  await writeWhole(`${file}.json`, `${JSON.stringify(whole)}\n`)
}

/**
 * Reads a snapshot's note and compares every byte of the file with it, block by block: usearch itself ends the process on a damaged file,
 * a mapped one too.
 *
 * @throws `index/snapshot` naming the file.
 */
export function readNote(file: string): SnapshotNote {
  const fail = (problem: string, cause?: unknown): never => {
    throw new LookalikeError(
      'index/snapshot',
      {
        problem: `The saved index ${file} ${problem}`,
        expected: 'a file as this index wrote it',
        fix: 'Delete it and its .json: it is made again from the vectors.',
      },
      { fields: { path: file }, cause },
    )
  }
  const parsed = (() => {
    try {
      return noteSchema.safeParse(JSON.parse(readFileSync(`${file}.json`, 'utf8')))
    } catch (cause) {
      return fail(`cannot be read: ${(cause as Error).message}`, cause)
    }
  })()
  if (!parsed.success) return fail('has a note that is not understood', parsed.error)
  const note = parsed.data
  try {
    if (statSync(file).size !== note.bytes) fail(`has ${statSync(file).size} bytes instead of ${note.bytes}`)
    if (checksumOf(file) !== note.checksum) fail('is damaged')
  } catch (cause) {
    if (cause instanceof LookalikeError) throw cause
    fail(`cannot be read: ${(cause as Error).message}`, cause)
  }
  return note
}

function checksumOf(file: string): number {
  const descriptor = openSync(file, 'r')
  try {
    const block = Buffer.allocUnsafe(BLOCK)
    let checksum = 0
    for (let offset = 0; ; ) {
      const read = readSync(descriptor, block, 0, BLOCK, offset)
      if (read === 0) return checksum
      checksum = crc32(block.subarray(0, read), checksum)
      offset += read
    }
  } finally {
    closeSync(descriptor)
  }
}
