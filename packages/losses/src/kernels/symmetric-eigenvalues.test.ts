import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { symmetricEigenvalues } from './symmetric-eigenvalues.js'

/** `Q diag(values) Q^T`, Q made of reflections at random. */
function withEigenvalues(values: readonly number[], seed: number): Float64Array {
  const n = values.length
  const random = createRandom(seed)
  let a = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? values[Math.floor(i / n)]! : 0))
  for (let turn = 0; turn < 3; turn++) {
    const v = Float64Array.from({ length: n }, () => random.normal())
    const square = v.reduce((sum, x) => sum + x * x, 0)
    const reflected = (m: Float64Array) =>
      m.map((x, i) => {
        const [row, column] = [Math.floor(i / n), i % n]
        let along = 0
        for (let k = 0; k < n; k++) along += v[k]! * m[k * n + column]!
        return x - (2 * v[row]! * along) / square
      })
    const transposed = (m: Float64Array) => m.map((_, i) => m[(i % n) * n + Math.floor(i / n)]!)
    a = transposed(reflected(transposed(reflected(a))))
  }
  return a
}

describe('symmetricEigenvalues', () => {
  it.each([
    [[3]],
    [[2, -5]],
    [[1, 1, 1, 1]],
    [[9, 4, 4, 1, 0, 0, -2]],
    [[1e6, 1, 1e-6, 0]],
    [Array.from({ length: 40 }, (_, i) => 40 - i)],
  ])('of a turned diagonal %j', (values) => {
    const found = symmetricEigenvalues(withEigenvalues(values, values.length), values.length)
    found.forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThan(1e-12 * (values[0]! + 10)))
    expect(found).toHaveLength(values.length)
  })

  it('of a matrix that is diagonal, and of nothing', () => {
    expect([...symmetricEigenvalues([2, 0, 0, 0, 7, 0, 0, 0, 5], 3)]).toEqual([7, 5, 2])
    expect(symmetricEigenvalues([], 0)).toHaveLength(0)
  })
})
