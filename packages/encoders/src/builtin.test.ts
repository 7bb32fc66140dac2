import { embedImages } from '@lookalike/image'
import { expect, it } from 'vitest'
import { createBuiltinEncoder } from './index.js'

/** Waves of three frequencies, one a channel. */
const waves = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / (3 * width)), i % 3]
    return Math.round(127.5 + 127.5 * Math.sin((x * (channel + 1)) / 9) * Math.cos(y / (7 + channel)))
  }),
})

it('gives what the network gave where it was trained, in PyTorch and single precision', async () => {
  const encoder = await createBuiltinEncoder()
  const { embeddings } = await embedImages(encoder, [{ source: waves(112, 112) }])
  await encoder.dispose()
  const data = embeddings.data as Float32Array
  expect(data).toHaveLength(256)
  expect(Math.hypot(...data)).toBeCloseTo(1, 5)
  const trained = [
    -0.11422, 0.02616, 0.0736, -0.25757, 0.14891, -0.06907, -0.16845, 0.00288, 0.01179, 0.1023, -0.17364, -0.07332,
  ]
  // Its weights are stored in half precision.
  trained.forEach((value, i) => expect(Math.abs(data[i]! - value)).toBeLessThan(0.002))
})
