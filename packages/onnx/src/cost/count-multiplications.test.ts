import { expect, it } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import type { NodeBuilder } from '../builder/node-builder.js'
import { float32, sizeOf } from '../model/tensor.js'
import { countMultiplications } from './count-multiplications.js'

const weight = (shape: readonly number[]) => float32(new Float32Array(sizeOf(shape)).fill(0.1), shape)

/** Multiplications of a graph that a function draws, for one input. */
function count(
  shape: readonly number[],
  draw: (g: NodeBuilder & ReturnType<typeof createGraphBuilder>, x: string) => string,
) {
  const g = createGraphBuilder()
  g.output(draw(g, g.input('x', 'float32', shape)), 'y')
  return countMultiplications(g.build(), { x: weight(shape) })
}

it('counts products and convolutions as by hand', async () => {
  // 4 rows of 6 times [6, 5].
  expect(await count([4, 6], (g, x) => g.matMul(x, g.initializer('w', weight([6, 5]))))).toBe(4 * 6 * 5)
  // Two images, each 3 x 7 times 7 x 3.
  expect(await count([2, 3, 7], (g, x) => g.matMul(x, g.transpose(x, [0, 2, 1])))).toBe(2 * 3 * 7 * 3)
  // [6, 4] turned: 4 rows of 6.
  const turned = await count([6, 4], (g, x) =>
    g.node('Gemm', [x, g.initializer('w', weight([5, 6]))], { transA: 1, transB: 1 }),
  )
  expect(turned).toBe(4 * 6 * 5)
  // 8 filters of 3 x 3 x 3 at 5 x 5 places: 9 x 9 pixels, stride 2, a border of 1.
  const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
  const conv = (shape: readonly number[], more: object = {}) =>
    count([1, 4, 9, 9], (g, x) => g.node('Conv', [x, g.initializer('w', weight(shape))], { ...attributes, ...more }))
  expect(await conv([8, 4, 3, 3])).toBe(8 * 5 * 5 * (4 * 3 * 3))
  // Each channel by itself.
  expect(await conv([4, 1, 3, 3], { group: 4 })).toBe(4 * 5 * 5 * (3 * 3))
  // Every pixel is spread by 2 x 2 to each of 3 channels.
  expect(
    await count([1, 4, 5, 5], (g, x) =>
      g.node('ConvTranspose', [x, g.initializer('w', weight([4, 3, 2, 2]))], { kernel_shape: [2, 2], strides: [2, 2] }),
    ),
  ).toBe(5 * 5 * 4 * (3 * 2 * 2))
  expect(await count([2, 3, 7], (g, x) => g.node('Einsum', [x, x], { equation: 'nik,njk->nij' }))).toBe(2 * 3 * 3 * 7)
})

it('adds up what a graph does, and leaves out what is computed once', async () => {
  const counted = await count([1, 6], (g, x) => {
    const constant = g.matMul(g.initializer('a', weight([6, 6])), g.initializer('b', weight([6, 2])))
    return g.mul(g.relu(g.matMul(g.matMul(x, g.initializer('w', weight([6, 6]))), constant)), g.floats(2))
  })
  expect(counted).toBe(6 * 6 + 6 * 2)
})

it('says nothing where it cannot tell', async () => {
  const lstm = (g: NodeBuilder, x: string) =>
    g.node('LSTM', [x, 'w', 'r'], { hidden_size: 2 }, { outputs: ['whole', 'last'] })
  expect(
    await count([1, 1, 3], (g, x) => {
      g.initializer('w', weight([1, 8, 3]))
      g.initializer('r', weight([1, 8, 2]))
      return lstm(g, x) as unknown as string
    }),
  ).toBeUndefined()
})
