import { describe, expect, it } from 'vitest'
import { buildEfficientNetLite, type EfficientNetLiteOptions } from './build-efficientnet-lite.js'
import { countWeights, runOnNoise } from './testing/run-network.js'

describe('buildEfficientNetLite', () => {
  it('has the weights of EfficientNet-Lite0 without its classifier, and the linear layer', () => {
    const published = 4_652_008
    const classifier = 1280 * 1000 + 1000
    // Of a batch norm's weight and bias the bias is left; the running mean and variance are no weights.
    const gains = 21_008
    expect(countWeights(buildEfficientNetLite({ embeddingDim: 256 }))).toBe(
      published - classifier - gains + 1280 * 256 + 256,
    )
  })

  // 45 halves to 23, 12, 6, 3, 2: each kind of padding occurs.
  it.each([112, 45])('makes unit vectors of any number of images of %i pixels', async (imageSize) => {
    const { shape, data } = await runOnNoise(buildEfficientNetLite({ imageSize, embeddingDim: 12 }), 3, imageSize)
    expect(shape).toEqual([3, 12])
    for (let row = 0; row < 3; row++)
      expect(Math.hypot(...(data as Float32Array).subarray(row * 12, (row + 1) * 12))).toBeCloseTo(1, 5)
  })

  it.each<EfficientNetLiteOptions>([{ imageSize: 31 }, { imageSize: 64.5 }])('refuses %o', (options) => {
    expect(() => buildEfficientNetLite(options)).toThrow('a whole number of pixels, at least 32')
  })
})
