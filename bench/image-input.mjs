/**
 * JPEG bytes to model input, images a second of one core by image size: `loadPixels` (Pillow's pixels) against sharp
 * alone with its own filters on the same bytes, taking turns in one run.
 *
 *     node bench/image-input.mjs
 */
import { loadPixels, preprocessingSchema } from '@lookalike/image'
import sharp from 'sharp'

const ROUNDS = 24
const sizes = [
  [128, 96],
  [500, 375],
  [1024, 768],
  [1023, 767],
  [4032, 3024],
]
const targets = [
  {
    name: '248 > 224 bicubic',
    kernel: 'cubic',
    spec: { resize: { mode: 'shortest-edge', size: 248 }, crop: { width: 224, height: 224 } },
  },
  {
    name: '72 > 64 bilinear',
    kernel: 'linear',
    spec: { resize: { mode: 'shortest-edge', size: 72 }, crop: { width: 64, height: 64 }, interpolation: 'bilinear' },
  },
]

/** Photograph-like content: coarse shapes with noise on top. */
async function photograph(width, height) {
  const value = (i) => (i * 2654435761) % 256
  const coarse = Uint8Array.from({ length: 32 * 24 * 3 }, (_, i) => value(i))
  const shapes = await sharp(coarse, { raw: { width: 32, height: 24, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer()
  const noisy = shapes.map((v, i) => Math.max(0, Math.min(255, v + (value(i) % 17) - 8)))
  return sharp(noisy, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer()
}

async function milliseconds(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]

console.log('image        target              lookalike ms (img/s)   sharp alone ms (img/s)')
for (const [width, height] of sizes) {
  const source = await photograph(width, height)
  for (const { name, kernel, spec } of targets) {
    const preprocessing = preprocessingSchema.parse(spec)
    const { crop } = preprocessing
    const out = new Float32Array(3 * crop.width * crop.height)
    const ours = () => loadPixels({ source }, preprocessing, {}, out)
    const theirs = async () => {
      const scale = spec.resize.size / Math.min(width, height)
      const size = { width: Math.floor(width * scale), height: Math.floor(height * scale) }
      const { data, info } = await sharp(source)
        .autoOrient()
        .resize(size.width, size.height, { fit: 'fill', kernel })
        .extract({ left: (size.width - crop.width) >> 1, top: (size.height - crop.height) >> 1, ...crop })
        .raw()
        .toBuffer({ resolveWithObject: true })
      const area = info.width * info.height
      for (let i = 0; i < area; i++)
        for (let c = 0; c < 3; c++) {
          out[c * area + i] = (data[i * 3 + c] / 255 - preprocessing.mean[c]) / preprocessing.std[c]
        }
    }
    const times = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const pair = [await milliseconds(ours), await milliseconds(theirs)]
      // The first rounds compile.
      if (round >= ROUNDS / 4) pair.forEach((ms, i) => times[i].push(ms))
    }
    const cells = times.map(median).map((ms) => `${ms.toFixed(2)} (${(1000 / ms).toFixed(0)})`.padEnd(22))
    console.log(`${`${width}x${height}`.padEnd(12)} ${name.padEnd(19)} ${cells.join(' ')}`)
  }
}
