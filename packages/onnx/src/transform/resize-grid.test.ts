import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { float32 } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import { type Grid, resizeGrid } from './resize-grid.js'

const expectClose = (a: readonly number[], b: readonly number[], digits = 5) => {
  expect(a).toHaveLength(b.length)
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits))
}

/** The kernel of onnxruntime's Resize as an oracle: cubic, a = -0.75, half-pixel centres. */
async function resizedByRuntime(values: Float32Array, dim: number, from: Grid, to: Grid): Promise<number[]> {
  const g = createGraphBuilder({ opset: 17 })
  const x = g.transpose(g.input('x', 'float32', [1, from.rows, from.columns, dim]), [0, 3, 1, 2])
  const resized = g.node('Resize', [x, '', '', g.integers([1, dim, to.rows, to.columns])], {
    mode: 'cubic',
    cubic_coeff_a: -0.75,
    coordinate_transformation_mode: 'half_pixel',
  })
  g.output(g.transpose(resized, [0, 2, 3, 1]), 'y')
  const session = await createSession(g.build(), { threads: 1 })
  const { y } = await session.run({ x: float32(values, [1, from.rows, from.columns, dim]) })
  await session.dispose()
  return [...(y!.data as Float32Array)]
}

describe('resizeGrid', () => {
  it.each([
    [4, 4, 8, 4],
    [4, 4, 4, 8],
    [3, 5, 6, 5],
  ])('%i x %i to %i x %i, as onnxruntime resizes', async (rows, columns, toRows, toColumns) => {
    const random = createRandom(1)
    const values = Float32Array.from({ length: rows * columns * 6 }, () => random.normal())
    const [from, to] = [
      { rows, columns },
      { rows: toRows, columns: toColumns },
    ]
    expectClose([...resizeGrid(values, 6, from, to)], await resizedByRuntime(values, 6, from, to))
  })

  // torch.nn.functional.interpolate(mode='bicubic', align_corners=False) of PyTorch 1.13.
  it.each([
    [
      6,
      3,
      [
        0.552734, -1.540039, 2.290039, 0.28125, -0.583008, 1.420898, -0.203125, 1.008789, 0.004883, 0.626953, 1.506836,
        -1.323242, 2.302734, 0.629883, -1.813477, 3.316406, 0.118164, -2.131836,
      ],
    ],
    [
      3,
      6,
      [
        0.68457, -0.010742, -1.196289, -0.698242, 1.202148, 2.342773, -0.158203, 0.418945, 1.397461, 1.148438, -0.1875,
        -0.987305, 3.290039, 2.456055, 1.110352, -0.549805, -1.586914, -2.237305,
      ],
    ],
  ])('3 x 3 to %i x %i, as PyTorch resizes', (rows, columns, expected) => {
    const values = Float32Array.of(0.5, -1.25, 2, 0, 1.5, -0.75, 3, 0.25, -2)
    expectClose([...resizeGrid(values, 1, { rows: 3, columns: 3 }, { rows, columns })], expected)
  })
})
