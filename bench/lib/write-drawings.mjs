import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import sharp from 'sharp'

const EDGE = 96

/**
 * Writes drawings as one gzipped file that lib/emoji_file.py reads: one line of JSON, then labels (int32, little endian), splits (uint8) and
 * pixels (uint8, [images, 96, 96, 3]), the whole drawing on white.
 *
 * @param {string} target
 * @param {Record<string, { source: string | Uint8Array, label: string }[]>} splits by name
 */
export async function writeDrawings(target, splits) {
  const parts = Object.values(splits)
  const all = parts.flat()
  const classes = [...new Set(all.map(({ label }) => label))].sort()
  const numbers = new Map(classes.map((label, i) => [label, i]))
  async function* contents() {
    yield Buffer.from(`${JSON.stringify({ images: all.length, edge: EDGE, classes, splits: Object.keys(splits) })}\n`)
    const labels = Buffer.alloc(all.length * 4)
    all.forEach(({ label }, i) => labels.writeInt32LE(numbers.get(label), i * 4))
    yield labels
    yield Buffer.from(parts.flatMap((part, split) => part.map(() => split)))
    for (const { source } of all)
      yield sharp(source)
        .flatten({ background: 'white' })
        .resize(EDGE, EDGE, { fit: 'contain', background: 'white' })
        .toColourspace('srgb')
        .raw()
        .toBuffer()
  }
  await pipeline(contents, createGzip({ level: 9 }), createWriteStream(target))
  const counts = Object.entries(splits).map(([name, part]) => `${part.length} ${name}`)
  console.log(`${target}: ${counts.join(', ')} images of ${classes.length} classes`)
}
