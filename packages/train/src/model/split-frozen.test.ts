import { createGraphBuilder, float32 } from '@lookalike/onnx'
import { expect, it } from 'vitest'
import { splitFrozen } from './split-frozen.js'

it('cuts at what is in tensors, and computes how large they are on both sides', () => {
  const g = createGraphBuilder({ opset: 17, name: 'sized' })
  const weight = (name: string) => g.initializer(name, float32(new Float32Array(16), [4, 4]))
  const first = g.relu(g.matMul(g.input('x', 'float32', ['N', 4]), weight('first')))
  // As exporters write it: the size of the frozen tensor shapes the trained one.
  const size = g.node('Shape', [first])
  const last = g.node('Reshape', [g.matMul(first, weight('last')), size])
  g.output(last, 'y')
  const { tensors, frozen, trained } = splitFrozen(g.build(), ['last'], 'x', 'y')
  expect(tensors).toEqual([first])
  expect(frozen.graph.nodes.map(({ op }) => op)).toEqual(['MatMul', 'Relu'])
  expect(trained.graph.nodes.map(({ op }) => op).sort()).toEqual(
    expect.arrayContaining(['MatMul', 'Reshape', 'Shape']) as string[],
  )
  expect(() => splitFrozen(g.build(), ['first', 'last'], 'x', 'y')).toThrow('the first layer is trained')
})
