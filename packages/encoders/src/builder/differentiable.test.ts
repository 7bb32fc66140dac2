import { differentiate, float32, trainableInitializers } from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { buildConvNet } from './build-conv-net.js'
import { buildVit } from './build-vit.js'

const vit = { imageSize: 16, patchSize: 4, dim: 16, depth: 1, heads: 2 } as const
const convNet = { imageSize: 16, widths: [16, 32], embeddingDim: 8 } as const

describe('the networks can be trained', () => {
  it.each([
    ['ViT', buildVit(vit)],
    ['DeiT with registers and a head', buildVit({ ...vit, distillation: true, registers: 2, embeddingDim: 8 })],
    ['ViT with a convolutional stem', buildVit({ ...vit, stem: 'conv', pooling: 'mean' })],
    ['network with group norm', buildConvNet(convNet)],
    ['network with standardised weights', buildConvNet({ ...convNet, normalisation: 'weight', pooling: 'flatten' })],
  ])('%s', async (_, model) => {
    const weights = [...model.graph.initializers.keys()].filter((name) => !name.startsWith('constant'))
    expect(trainableInitializers(model).toSorted()).toEqual(weights.toSorted())
    const pixels = float32(
      new Float32Array(2 * 768).map((_value, i) => Math.sin(i)),
      [2, 3, 16, 16],
    )
    const { weightGradients } = await differentiate(model, { example: { pixel_values: pixels } })
    expect(Object.keys(weightGradients).toSorted()).toEqual(weights.toSorted())
  })
})
