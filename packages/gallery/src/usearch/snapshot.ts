import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'

/** What stands beside a saved graph, in `<file>.json`. */
const noteSchema = z.strictObject({
  format: z.literal('lookalike-usearch'),
  version: z.literal(1),
  space: z.string(),
  dim: z.int().min(1),
  precision: z.enum(['fp32', 'fp16', 'int8']),
  connectivity: z.int(),
  /** Positions given so far, removed ones included. */
  rows: z.int().min(0),
  /** Length of every vector, where only directions are kept. */
  norm: z.number().nullable(),
  bytes: z.int().min(0),
  /** CRC-32 of the file, and of its first and last MiB. */
  checksum: z.int(),
  edges: z.int(),
})

export type SnapshotNote = z.infer<typeof noteSchema>

const EDGE = 1 << 20

export async function writeNote(
  file: string,
  note: Omit<SnapshotNote, 'format' | 'version' | 'bytes' | 'checksum' | 'edges'>,
): Promise<void> {
  const whole: SnapshotNote = {
    format: 'lookalike-usearch',
    version: 1,
    ...note,
    bytes: statSync(file).size,
    checksum: checksumOf(file, 'all'),
    edges: checksumOf(file, 'edges'),
  }
  await writeFile(`${file}.json.new`, `${JSON.stringify(whole)}\n`)
  await rename(`${file}.json.new`, `${file}.json`)
}

/**
 * Reads a snapshot's note and checks the file against it: usearch itself ends the process on a damaged file.
 *
 * @param part `edges` looks at the first and the last MiB only, for files too large to read whole
 * @throws `index/snapshot` naming the file.
 */
export function readNote(file: string, part: 'all' | 'edges'): SnapshotNote {
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
    if (checksumOf(file, part) !== (part === 'all' ? note.checksum : note.edges)) fail('is damaged')
  } catch (cause) {
    if (cause instanceof LookalikeError) throw cause
    fail(`cannot be read: ${(cause as Error).message}`, cause)
  }
  return note
}

function checksumOf(file: string, part: 'all' | 'edges'): number {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const chunk = Buffer.allocUnsafe(EDGE)
    const at = (offset: number, before: number) =>
      crc32(chunk.subarray(0, readSync(descriptor, chunk, 0, EDGE, offset)), before)
    if (part === 'edges') return at(Math.max(0, size - EDGE), at(0, 0))
    let checksum = 0
    for (let offset = 0; offset < size; offset += EDGE) checksum = at(offset, checksum)
    return checksum
  } finally {
    closeSync(descriptor)
  }
}
