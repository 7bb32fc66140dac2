/**
 * The floor of the emoji benchmark: R@1 over the 5,890 test images (protocol all) by the cosine of raw 16 x 16 RGB pixels.
 * Build @lookalike/datasets first, then: node bench/emoji-floor.mjs [cache folder]
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEmoji } from '@lookalike/datasets'
import sharp from 'sharp'

const PUBLISHED = 28.7
const SIDE = 16
const dim = SIDE * SIDE * 3
const cacheFolder = process.argv[2] ?? join(tmpdir(), 'lookalike-bench')

const started = performance.now()
const { items } = await loadEmoji(
  { protocol: 'all', validation: 0, seed: 0, splits: ['test'] },
  { folder: process.cwd(), cacheFolder, warn: ({ message }) => console.warn(message) },
)
const loaded = performance.now()

const rows = new Float32Array(items.length * dim)
for (const [at, { source }] of items.entries()) {
  const pixels = await sharp(source).resize(SIDE, SIDE, { kernel: 'cubic' }).raw().toBuffer()
  const norm = Math.sqrt(pixels.reduce((sum, value) => sum + value * value, 0)) || 1
  for (let j = 0; j < dim; j++) rows[at * dim + j] = pixels[j] / norm
}

const best = new Float32Array(items.length).fill(-Infinity)
const nearest = new Int32Array(items.length)
for (let i = 0; i < items.length; i++) {
  for (let k = 0; k < i; k++) {
    let similarity = 0
    for (let j = 0; j < dim; j++) similarity += rows[i * dim + j] * rows[k * dim + j]
    if (similarity > best[i]) [best[i], nearest[i]] = [similarity, k]
    if (similarity > best[k]) [best[k], nearest[k]] = [similarity, i]
  }
}
const hits = items.filter(({ label }, at) => items[nearest[at]].label === label).length
console.log(
  JSON.stringify({
    images: items.length,
    loadSeconds: +((loaded - started) / 1000).toFixed(1),
    recallAt1: +((100 * hits) / items.length).toFixed(2),
    published: PUBLISHED,
  }),
)
