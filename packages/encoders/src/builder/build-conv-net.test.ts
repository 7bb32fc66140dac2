import { describe, expect, it } from 'vitest'
import { buildConvNet, type ConvNetOptions } from './build-conv-net.js'
import { countWeights, runOnNoise } from './testing/run-network.js'

const small: ConvNetOptions = { imageSize: 32, widths: [16, 32], depths: [2, 1], embeddingDim: 12 }

describe('buildConvNet', () => {
  it('has 1 to 3 million weights by default', () => {
    const count = countWeights(buildConvNet())
    expect(count).toBeGreaterThan(1e6)
    expect(count).toBeLessThan(3e6)
  })

  it.each<[string, ConvNetOptions]>([
    ['group norm', small],
    ['standardised weights', { ...small, normalisation: 'weight' }],
    ['all places of the last picture', { ...small, pooling: 'flatten' }],
    ['another stem', { ...small, stem: { kernel: 7, stride: 4 } }],
  ])('makes unit vectors of any number of images: %s', async (_, options) => {
    const { shape, data } = await runOnNoise(buildConvNet(options), 4, 32)
    expect(shape).toEqual([4, 12])
    for (let row = 0; row < 4; row++)
      expect(Math.hypot(...(data as Float32Array).subarray(row * 12, (row + 1) * 12))).toBeCloseTo(1, 5)
  })

  it.each<NonNullable<ConvNetOptions['normalisation']>>(['group', 'weight'])(
    'neither fades nor explodes when it is deep: %s',
    async (normalisation) => {
      const deep = {
        imageSize: 32,
        widths: [16, 16, 32],
        depths: [6, 6, 6],
        embeddingDim: 64,
        normalise: false,
        normalisation,
      } as const
      const { data } = await runOnNoise(buildConvNet(deep), 8, 32)
      const values = data as Float32Array
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
      expect(deviation).toBeGreaterThan(0.1)
      expect(deviation).toBeLessThan(10)
    },
  )

  it.each<[ConvNetOptions, string]>([
    [{ imageSize: 60, widths: [8, 8, 8, 8] }, 'cannot be divided by 16'],
    [{ widths: [8, 8], depths: [1] }, '2 widths'],
    [{ stem: { kernel: 4, stride: 4 } }, 'kernel of 4'],
  ])('refuses %j', (options, problem) => {
    expect(() => buildConvNet(options)).toThrow(
      expect.objectContaining({
        code: 'encoder/conv-net-options',
        message: expect.stringContaining(problem) as string,
      }),
    )
  })
})
