import { embedImages } from '@lookalike/image'
import { expect, it } from 'vitest'
import { createBuiltinEncoder, createMiniEncoder } from './index.js'

/** Waves of three frequencies, one a channel. */
const waves = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / (3 * width)), i % 3]
    return Math.round(127.5 + 127.5 * Math.sin((x * (channel + 1)) / 9) * Math.cos(y / (7 + channel)))
  }),
})

const PHOTOGRAPHS = 192

async function vectorOf(create: typeof createBuiltinEncoder, image: ReturnType<typeof waves>): Promise<Float32Array> {
  const encoder = await create()
  const { embeddings } = await embedImages(encoder, [{ source: image }])
  await encoder.dispose()
  return embeddings.data as Float32Array
}

const unit = (values: Float32Array) => values.map((value) => value / Math.hypot(...values))
const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0)

it('gives, first, what the network for photographs gave where it was trained: as PyTorch exported it, in single precision', async () => {
  const data = await vectorOf(createBuiltinEncoder, waves(96, 80))
  expect(data).toHaveLength(448)
  expect(Math.hypot(...data)).toBeCloseTo(1, 5)
  const photographs = unit(data.subarray(0, PHOTOGRAPHS))
  const exported = [
    0.06303, -0.08901, -0.10576, -0.08977, -0.06732, -0.048, 0.06019, -0.14809, -0.04869, 0.02717, 0.07853, 0.00746,
  ]
  // Its weights are stored in 8 bits.
  exported.forEach((value, i) => expect(Math.abs(photographs[i]! - value)).toBeLessThan(0.005))
})

it("goes on with mini's vector, which counts for much in a drawing alone", async () => {
  const square = waves(64, 64)
  const white = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(255) }
  // A black disc.
  for (let i = 0; i < 64 * 64; i++)
    if (Math.hypot((i % 64) - 32, Math.floor(i / 64) - 32) < 20) white.data.fill(0, 3 * i, 3 * i + 3)
  const both = await vectorOf(createBuiltinEncoder, white)
  const drawings = both.subarray(PHOTOGRAPHS)
  expect(cosine(unit(drawings), await vectorOf(createMiniEncoder, white))).toBeGreaterThan(0.999)
  expect(Math.hypot(...drawings) ** 2).toBeGreaterThan(0.5)
  const noise = { ...square, data: square.data.map((value, i) => (value + 7919 * i * i) % 256) }
  expect(Math.hypot(...(await vectorOf(createBuiltinEncoder, noise)).subarray(PHOTOGRAPHS)) ** 2).toBeLessThan(0.35)
})
