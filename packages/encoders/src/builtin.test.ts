import { embedImages } from '@lookalike/image'
import { expect, it } from 'vitest'
import { createBuiltinEncoder } from './index.js'

/** Waves of three frequencies, one a channel. */
const image = {
  width: 96,
  height: 80,
  data: Uint8Array.from({ length: 96 * 80 * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % 96, Math.floor(i / 288), i % 3]
    return Math.round(127.5 + 127.5 * Math.sin((x * (channel + 1)) / 9) * Math.cos(y / (7 + channel)))
  }),
}

it('gives what its weights gave where they were trained: the network as PyTorch exported it, in single precision', async () => {
  const encoder = await createBuiltinEncoder()
  const { embeddings } = await embedImages(encoder, [{ source: image }])
  await encoder.dispose()
  expect(embeddings.dim).toBe(192)
  expect(Math.hypot(...embeddings.data)).toBeCloseTo(1, 5)
  const exported = [
    0.06303, -0.08901, -0.10576, -0.08977, -0.06732, -0.048, 0.06019, -0.14809, -0.04869, 0.02717, 0.07853, 0.00746,
  ]
  exported.forEach((value, i) => expect(embeddings.data[i]).toBeCloseTo(value, 3))
})
