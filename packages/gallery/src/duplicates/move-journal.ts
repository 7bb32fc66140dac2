import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { GalleryEntry } from '@lookalike/core'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'

/** What says, in a folder of images that were moved aside, where each came from. */
export const MOVE_JOURNAL = 'moved.jsonl'

const numbers = z.base64()

const lineSchema = z.strictObject({
  /** Absolute. */
  from: z.string().min(1),
  /** Below the folder, with forward slashes. */
  to: z.string().regex(/^(?![/\\])(?!.*(^|[/\\])\.\.([/\\]|$))[^\0]+$/, 'a path inside the folder'),
  entry: z.object({
    id: z.string().min(1),
    hash: z.string().min(1),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    uncertainty: z.number().optional(),
    source: z.string().optional(),
  }),
  /** Float32, little-endian: as the gallery held them, so that it gets the very same ones back. */
  vector: numbers,
  members: z.record(z.string(), numbers),
})

/** A move, written down before it happens. */
export type MoveLine = z.infer<typeof lineSchema>

export interface MoveJournal {
  /** Flushed when it resolves. */
  write(line: MoveLine): Promise<void>
  close(): Promise<void>
}

/** @throws `move/exists` where the folder holds a journal already */
export async function createMoveJournal(folder: string): Promise<MoveJournal> {
  await mkdir(folder, { recursive: true })
  let handle: FileHandle
  try {
    handle = await open(path.join(folder, MOVE_JOURNAL), 'ax')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new LookalikeError(
      'move/exists',
      { problem: `${folder} holds images that were moved before`, fix: 'Name another folder.' },
      { fields: { folder }, cause },
    )
  }
  return {
    async write(line) {
      await handle.appendFile(`${JSON.stringify(line)}\n`)
      await handle.datasync()
    },
    close: () => handle.close(),
  }
}

/** A last line that a crash cut off is of a file that was not moved. @throws `move/journal` */
export async function readMoveJournal(folder: string): Promise<MoveLine[]> {
  const file = path.join(folder, MOVE_JOURNAL)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw badJournal(file, `cannot be read: ${(cause as Error).message}`, cause)
  })
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line, i) => {
    try {
      return lineSchema.parse(JSON.parse(line))
    } catch (cause) {
      throw badJournal(file, `cannot be understood at line ${i + 1}`, cause)
    }
  })
}

export const encodeNumbers = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')

/** Copied, so that it is aligned. */
export function decodeNumbers(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * Math.floor(bytes.length / 4)))
}

/** What comes back into the gallery with the image. */
export const entryOfMove = ({ id, hash, metadata, uncertainty, source }: GalleryEntry): MoveLine['entry'] => ({
  id,
  hash,
  metadata: metadata && { ...metadata },
  uncertainty,
  source,
})

const badJournal = (file: string, problem: string, cause: unknown) =>
  new LookalikeError(
    'move/journal',
    { problem: `${file} ${problem}`, expected: 'a folder that "duplicates --delete" moved images to' },
    { fields: { file }, cause },
  )
