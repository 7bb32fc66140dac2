// Writes the emoji benchmark as one file that PyTorch alone can read, for mini-reference.py: 96 x 96 pixels of each image, its class and its
// split (train, validation, test), split split as for the built-in encoder.
// The file, gzipped: one line of JSON, then labels (int32, little endian), splits (uint8) and pixels (uint8, [images, 96, 96, 3]).
//   npx turbo run build --filter=@lookalike/datasets && node bench/mini-reference-data.mjs emoji.bin.gz [cache folder]
import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { loadEmoji } from '@lookalike/datasets'
import sharp from 'sharp'

const EDGE = 96
const SPLITS = ['train', 'validation', 'test']
const target = process.argv[2] ?? 'emoji.bin.gz'
const cacheFolder = process.argv[3] ?? join(tmpdir(), 'lookalike-bench')

// As in examples/mini.
const dataset = await loadEmoji(
  { protocol: 'all', validation: 0.1, seed: 0, splits: SPLITS },
  { folder: process.cwd(), cacheFolder, warn: ({ message }) => console.warn(message) },
)
const parts = SPLITS.map((name) => dataset.items.filter(({ split }) => split === name))
const all = parts.flat()
const classes = [...new Set(all.map(({ label }) => label))].sort()
const numbers = new Map(classes.map((label, i) => [label, i]))

async function* contents() {
  yield Buffer.from(`${JSON.stringify({ images: all.length, edge: EDGE, classes, splits: SPLITS })}\n`)
  const labels = Buffer.alloc(all.length * 4)
  all.forEach(({ label }, i) => labels.writeInt32LE(numbers.get(label), i * 4))
  yield labels
  yield Buffer.from(parts.flatMap((part, split) => part.map(() => split)))
  for (const { source } of all) {
    const { data, info } = await sharp(source)
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
    if (info.width !== EDGE || info.height !== EDGE || info.channels !== 3)
      throw new Error(`${source}: ${info.width} x ${info.height} x ${info.channels}`)
    yield data
  }
}
await pipeline(contents, createGzip({ level: 9 }), createWriteStream(target))
console.log(
  `${target}: ${parts.map((part, i) => `${part.length} ${SPLITS[i]}`).join(', ')} images of ${classes.length} classes`,
)
