import { describe, expect, it } from 'vitest'
import { proposeNetwork } from './propose-network.js'

describe('proposeNetwork', () => {
  it('counts as by hand', async () => {
    const { size, millionMultiplications, model } = await proposeNetwork({ maxMillionMultiplications: 0.6 })
    expect(size).toEqual({ imageSize: 24, widths: [8, 16, 32] })
    // The stem at 12 x 12, blocks at 12, 6 and 3 with a shortcut where the channels change, and the head.
    const blocks = 144 * 9 * (64 + 64) + 36 * (9 * (128 + 256) + 128) + 9 * (9 * (512 + 1024) + 512)
    expect(millionMultiplications * 1e6).toBe(144 * 25 * 3 * 8 + blocks + 9 * 32 * 128)
    expect(model.graph.outputs[0]!.shape).toEqual(['N', 128])
  })

  it('takes the largest that fits both bounds', async () => {
    const wide = await proposeNetwork({ maxMillionMultiplications: 30 })
    expect(wide.millionMultiplications).toBeGreaterThan(15)
    expect(wide.millionMultiplications).toBeLessThanOrEqual(30)
    const small = await proposeNetwork({ maxMillionMultiplications: 30, maxBytes: 500_000 })
    expect(small.bytes).toBeLessThanOrEqual(500_000)
    expect(small.millionMultiplications).toBeLessThan(wide.millionMultiplications)
    expect(small.millionMultiplications).toBeGreaterThan(1)
  })

  it('names the smallest where nothing fits', async () => {
    const smallest = await proposeNetwork({ maxMillionMultiplications: 0.6 }, { embeddingDim: 64 })
    await expect(proposeNetwork({ maxBytes: 5000 }, { embeddingDim: 64 })).rejects.toMatchObject({
      code: 'encoder/budget',
      message: expect.stringContaining(`${smallest.bytes.toLocaleString('en')} bytes`) as string,
      fields: { maxBytes: 5000, smallest: { imageSize: 24, bytes: smallest.bytes } },
    })
    // What the error names is indeed enough.
    const { bytes, millionMultiplications } = smallest
    await proposeNetwork({ maxBytes: bytes, maxMillionMultiplications: millionMultiplications }, { embeddingDim: 64 })
  })
})
