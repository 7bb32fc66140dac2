import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { writeWhole } from '../store/write-whole.js'

const noteSchema = z.strictObject({
  format: z.literal('lookalike-gallery-index'),
  version: z.literal(2),
  engine: z.string(),
  /** What the engine was told to write. */
  file: z.string().regex(/^[^/\\]+$/),
  /** Every file that it wrote, with its size and CRC-32. */
  files: z.array(z.strictObject({ name: z.string().regex(/^[^/\\]+$/), bytes: z.int().min(0), checksum: z.int() })),
  /** Rows of the store that it has seen. */
  rows: z.int().min(0),
  /** Positions below `rows` that it never got: their images were gone already. */
  skipped: z.array(z.int()),
  /** Positions that were removed from it. */
  removed: z.array(z.int()),
  /** SHA-256 of the positions and the row checksums that it got, in their order. */
  contents: z.string(),
})

export type IndexNote = z.infer<typeof noteSchema>

const BLOCK = 1 << 20

export const indexNoteName = (generation: number): string => `index-${generation}.json`

export function readIndexNote(folder: string, generation: number): IndexNote | undefined {
  const file = path.join(folder, indexNoteName(generation))
  return existsSync(file) ? noteSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

export async function writeIndexNote(
  folder: string,
  generation: number,
  note: Omit<IndexNote, 'format' | 'version' | 'files'>,
): Promise<void> {
  const files: IndexNote['files'] = []
  for (const name of readdirSync(folder).sort())
    if (name.startsWith(note.file)) files.push({ name, ...(await measure(path.join(folder, name))) })
  const whole: IndexNote = { format: 'lookalike-gallery-index', version: 2, ...note, files }
  await writeWhole(path.join(folder, indexNoteName(generation)), `${JSON.stringify(whole)}\n`)
}

/** Files of the saved index that counts, its note included. */
export function savedIndexFiles(folder: string, generation: number): string[] {
  try {
    const note = readIndexNote(folder, generation)
    return note ? [indexNoteName(generation), ...note.files.map(({ name }) => name)] : []
  } catch {
    return []
  }
}

/**
 * Native engines trust what they read: every byte is compared before they may see it.
 *
 * @throws `gallery/damaged-index`
 */
export async function checkIndexFiles(folder: string, { files }: IndexNote): Promise<void> {
  for (const { name, bytes, checksum } of files) {
    const file = path.join(folder, name)
    const found = await measure(file).catch((error: Error) => error)
    if (!(found instanceof Error) && found.bytes === bytes && found.checksum === checksum) continue
    const problem = found instanceof Error ? `cannot be read: ${found.message}` : 'is not what was written'
    throw new LookalikeError(
      'gallery/damaged-index',
      { problem: `The saved index ${file} ${problem}` },
      { fields: { path: file } },
    )
  }
}

/** Block by block: an index may be larger than the memory. */
async function measure(file: string): Promise<{ bytes: number; checksum: number }> {
  const handle = await open(file, 'r')
  try {
    const block = Buffer.allocUnsafe(BLOCK)
    let checksum = 0
    for (let bytes = 0; ; ) {
      const { bytesRead } = await handle.read(block, 0, BLOCK, bytes)
      if (bytesRead === 0) return { bytes, checksum }
      checksum = crc32(block.subarray(0, bytesRead), checksum)
      bytes += bytesRead
    }
  } finally {
    await handle.close()
  }
}
