import { readModel, writeModel } from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { buildVit, type VitOptions } from './build-vit.js'
import { countWeights, runOnNoise } from './testing/run-network.js'

const small = { imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 3 } as const satisfies VitOptions

describe('buildVit', () => {
  it('has as many weights as the paper says', () => {
    // DeiT-Ti distilled without its heads: 5.5 M.
    expect(
      countWeights(buildVit({ imageSize: 224, patchSize: 16, dim: 192, depth: 12, heads: 3, distillation: true })),
    ).toBe(5_524_800)
  })

  it.each<[string, VitOptions, number]>([
    ['class token', small, 24],
    ['mean and a head', { ...small, pooling: 'mean', embeddingDim: 7 }, 7],
    ['distillation with two heads and registers', { ...small, distillation: true, registers: 4, embeddingDim: 10 }, 10],
    ['a convolutional stem', { ...small, stem: 'conv' }, 24],
  ])('makes unit vectors of any number of images: %s', async (_, options, dim) => {
    const { shape, data } = await runOnNoise(buildVit(options), 5, 16)
    expect(shape).toEqual([5, dim])
    for (let row = 0; row < 5; row++)
      expect(Math.hypot(...(data as Float32Array).subarray(row * dim, (row + 1) * dim))).toBeCloseTo(1, 5)
    const [first, second] = [data.slice(0, dim), data.slice(dim, 2 * dim)]
    expect(first).not.toEqual(second)
  })

  it('gives an image the same vector alone and in a batch', async () => {
    const model = buildVit({ ...small, registers: 2 })
    const [one, many] = [await runOnNoise(model, 1, 16), await runOnNoise(model, 3, 16)]
    ;(one.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo((many.data as Float32Array)[i]!, 5))
  })

  it('takes images that are not square, and gives tokens out', async () => {
    const { shape } = await runOnNoise(
      buildVit({ ...small, imageSize: [24, 16], pooling: 'none', registers: 3 }),
      2,
      24,
      16,
    )
    expect(shape).toEqual([2, 1 + 3 + 24, 24])
  })

  it('is the same for the same seed, another for another, through its file', () => {
    const bytes = writeModel(buildVit({ ...small, seed: 1 }))
    expect(writeModel(buildVit({ ...small, seed: 1 }))).toEqual(bytes)
    expect(writeModel(buildVit({ ...small, seed: 2 }))).not.toEqual(bytes)
    expect(readModel(bytes).metadata['lookalike.preprocessing']).toContain('"crop":{"width":16,"height":16}')
  })

  it.each<[Partial<VitOptions>, string]>([
    [{ patchSize: 5 }, 'do not tile'],
    [{ heads: 5 }, 'do not divide'],
    [{ stem: 'conv', patchSize: 16, dim: 12 }, 'convolutional stem'],
  ])('refuses %j', (options, problem) => {
    expect(() => buildVit({ ...small, ...options })).toThrow(
      expect.objectContaining({ code: 'encoder/vit-options', message: expect.stringContaining(problem) as string }),
    )
  })
})
