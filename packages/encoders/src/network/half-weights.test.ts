import { float32, readModel, writeModel } from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { buildConvNet } from '../builder/build-conv-net.js'
import { toFullWeights, toHalfWeights } from './half-weights.js'

const network = buildConvNet({ imageSize: 16, widths: [16, 16], embeddingDim: 8 })

describe('half-precision weights', () => {
  it('halve the file, and come back under their names, rounded', () => {
    const [full, half] = [writeModel(network), writeModel(toHalfWeights(network))]
    expect(half.length).toBeLessThan(0.6 * full.length)
    const back = toFullWeights(readModel(half))
    expect(back.graph.nodes).toEqual(readModel(writeModel(network)).graph.nodes)
    expect([...back.graph.initializers.keys()].sort()).toEqual([...network.graph.initializers.keys()].sort())
    for (const [name, { type, data }] of network.graph.initializers) {
      if (type !== 'float32') continue
      const found = back.graph.initializers.get(name)!.data as Float32Array
      data.forEach((value, i) =>
        expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25)),
      )
    }
  })

  it('leave a weight that would overflow in single precision', () => {
    const initializers = new Map(network.graph.initializers).set(
      'head.weight',
      float32(new Float32Array(16 * 8).fill(1e6), [16, 8]),
    )
    const { graph } = toHalfWeights({ ...network, graph: { ...network.graph, initializers } })
    expect(graph.initializers.get('head.weight')?.type).toBe('float32')
  })
})
