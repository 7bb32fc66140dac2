// Writes the emoji benchmark as one file that PyTorch alone can read, for mini-reference.py and builtin-reference.py: 96 x 96 pixels of each image, its class
// and its split (train, validation, test), split as in examples/mini.
//   npx turbo run build --filter=@lookalike/datasets && node bench/mini-reference-data.mjs emoji.bin.gz [cache folder]
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEmoji } from '@lookalike/datasets'
import { writeDrawings } from './lib/write-drawings.mjs'

const SPLITS = ['train', 'validation', 'test']
const target = process.argv[2] ?? 'emoji.bin.gz'
const cacheFolder = process.argv[3] ?? join(tmpdir(), 'lookalike-bench')

const { items } = await loadEmoji(
  { protocol: 'all', validation: 0.1, seed: 0, splits: SPLITS },
  { folder: process.cwd(), cacheFolder, warn: ({ message }) => console.warn(message) },
)
await writeDrawings(
  target,
  Object.fromEntries(SPLITS.map((name) => [name, items.filter(({ split }) => split === name)])),
)
