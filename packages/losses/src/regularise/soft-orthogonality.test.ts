import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { tensorflowProducts } from '../products/tensorflow-products.js'
import { cosface } from '../proxy/cosface.js'
import { proxyAnchor } from '../proxy/proxy-anchor.js'
import { randomBatch } from '../testing/batches.js'
import { defaultLambda, type SoftOrthogonalityOptions, softOrthogonality } from './soft-orthogonality.js'

const at = async (proxies: Float32Array, rows: number, dim: number, options: SoftOrthogonalityOptions, step = 0) =>
  softOrthogonality(options)({ proxies, rows, dim, step, totalSteps: 11, products: await tensorflowProducts() })

const normals = (seed: number, length: number) => {
  const random = createRandom(seed)
  return Float32Array.from({ length }, () => random.normal())
}

describe('softOrthogonality', () => {
  it('is ||P^T P - I||^2 from whichever side is smaller', async () => {
    for (const [rows, dim] of [
      [3, 7],
      [7, 3],
      [4, 4],
    ] as const) {
      const P = normals(rows, rows * dim)
      let expected = 0
      for (let i = 0; i < dim; i++) {
        for (let j = 0; j < dim; j++) {
          let entry = i === j ? -1 : 0
          for (let c = 0; c < rows; c++) entry += P[c * dim + i]! * P[c * dim + j]!
          expected += entry ** 2
        }
      }
      const { value } = await at(P, rows, dim, { lambda: 1, normalise: false })
      expect(value / expected).toBeCloseTo(1, 5)
      expect((await at(P, rows, dim, { lambda: 1, normalise: false, divide: true })).value / expected).toBeCloseTo(
        1 / (rows * (rows - 1)),
        5,
      )
    }
  })

  it('reports the off-diagonal cosines, which Welch bounds from below', async () => {
    const simplex = Float32Array.from([1, 0, -0.5, Math.sqrt(0.75), -0.5, -Math.sqrt(0.75)])
    const { logs } = await at(simplex, 3, 2, {})
    expect(logs['soft-orthogonality/off-diagonal']).toBeCloseTo(3 ** 2 / 2 - 3, 5)
    expect(logs['soft-orthogonality/largest-cosine']).toBeCloseTo(-0.5, 5)
    const orthogonal = await at(Float32Array.from([2, 0, 0, 0, 3, 0]), 2, 3, {})
    expect(orthogonal.logs['soft-orthogonality/off-diagonal']).toBeCloseTo(0, 6)
    expect(orthogonal.gradient.every((g) => Math.abs(g) < 1e-6)).toBe(true)
  })

  it('finds the largest cosine across blocks', async () => {
    const rows = 1500
    const dim = 8
    const P = normals(1, rows * dim)
    for (let d = 0; d < dim; d++) P[1400 * dim + d] = P[3 * dim + d]! * 2 + (d === 0 ? 1e-3 : 0)
    expect((await at(P, rows, dim, {})).logs['soft-orthogonality/largest-cosine']).toBeGreaterThan(0.9999)
    // 1500 x 1500 x 8 is far below the budget, so every step reports it.
    expect((await at(P, rows, dim, {}, 1)).logs).toHaveProperty('soft-orthogonality/largest-cosine')
  })

  it('reports the spectrum: 1 throughout for proxies that are orthogonal or spread evenly', async () => {
    // Three directions at 120 degrees, and two at a right angle, of any length.
    for (const [P, rows, dim, fills] of [
      [[1, 0, -1, Math.sqrt(3), -1, -Math.sqrt(3)], 3, 2, 2],
      [[2, 0, 0, 0, 3, 0], 2, 3, 2],
    ] as const) {
      const { logs } = await at(Float32Array.from(P), rows, dim, {})
      expect(logs['soft-orthogonality/spectrum-largest']).toBeCloseTo(1, 5)
      expect(logs['soft-orthogonality/spectrum-smallest']).toBeCloseTo(1, 5)
      expect(logs['soft-orthogonality/dimensions']).toBeCloseTo(fills, 5)
    }
    // Two proxies at an angle with cosine 0.6: eigenvalues 1.6 and 0.4.
    const { logs } = await at(Float32Array.of(1, 0, 0, 0.6, 0.8, 0), 2, 3, {})
    expect(logs['soft-orthogonality/spectrum-largest']).toBeCloseTo(1.6, 5)
    expect(logs['soft-orthogonality/spectrum-smallest']).toBeCloseTo(0.4, 5)
    expect(logs['soft-orthogonality/dimensions']).toBeCloseTo(4 / (1.6 ** 2 + 0.4 ** 2), 5)
    expect((await at(new Float32Array(6), 2, 3, {})).logs).not.toHaveProperty('soft-orthogonality/dimensions')
  })

  it('reports the spectrum less often the more it costs', async () => {
    const P = normals(4, 200 * 150)
    expect((await at(P, 200, 150, {}, 0)).logs).toHaveProperty('soft-orthogonality/spectrum-largest')
    // 4/3 150^3 is more than one step's budget and less than two.
    expect((await at(P, 200, 150, {}, 1)).logs).not.toHaveProperty('soft-orthogonality/spectrum-largest')
    expect((await at(P, 200, 150, {}, 2)).logs).toHaveProperty('soft-orthogonality/spectrum-largest')
  })

  it.each([
    [25, 16],
    [25, 512],
    [100, 64],
    [821, 64],
    [821, 512],
    [11_318, 32],
  ])('by default pulls %d proxies of %d dimensions a quarter as hard as Proxy Anchor may', async (rows, dim) => {
    const P = normals(6, rows * dim)
    for (let row = 0; row < rows; row++) {
      const norm = Math.hypot(...P.subarray(row * dim, (row + 1) * dim))
      for (let i = row * dim; i < (row + 1) * dim; i++) P[i]! /= norm
    }
    const { gradient, logs } = await at(P, rows, dim, {}, 1)
    expect(logs['soft-orthogonality/lambda']).toBe(defaultLambda(rows, dim))
    const mean = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0) / rows)
    expect(mean / (32 / rows)).toBeGreaterThan(0.2)
    expect(mean / (32 / rows)).toBeLessThan(0.3)
    // The division changes what lambda means, not what the default does.
    const divided = await at(P, rows, dim, { divide: true }, 1)
    const worst = divided.gradient.reduce((most, g, i) => Math.max(most, Math.abs(g - gradient[i]!)), 0)
    expect(worst).toBeLessThan(1e-5)
  })

  it('descends: following the gradient spreads the proxies', async () => {
    const P = normals(2, 12 * 4)
    const first = (await at(P, 12, 4, { lambda: 1, divide: true })).value
    for (let i = 0; i < 200; i++) {
      const { gradient } = await at(P, 12, 4, { lambda: 1, divide: true })
      for (let k = 0; k < P.length; k++) P[k]! -= 2 * gradient[k]!
    }
    const last = await at(P, 12, 4, { lambda: 1, divide: true })
    expect(last.value).toBeLessThan(first)
    expect(last.logs['soft-orthogonality/off-diagonal']! - (144 / 4 - 12)).toBeLessThan(0.5)
  })

  it('follows a schedule of lambda, and is carried by any loss with proxies', async () => {
    const P = normals(3, 20)
    const lambda = { schedule: 'linear', from: 0, to: 1 } as const
    const constant = await at(P, 5, 4, { lambda: 1 })
    expect((await at(P, 5, 4, { lambda }, 5)).value).toBeCloseTo(constant.value / 2, 6)
    const input = randomBatch(1, 8, 4, 5)
    const binding = { dim: 4, classes: 5, seed: 1 }
    for (const make of [proxyAnchor, cosface]) {
      const plain = await (await make().bind(binding)).compute(input)
      const carried = await (await make({ orthogonality: { lambda: 0.5 } }).bind(binding)).compute(input)
      const own = await (await make({}, { regularisers: [softOrthogonality({ lambda: 0.5 })] }).bind(binding)).compute(
        input,
      )
      expect(carried.value - plain.value).toBeCloseTo(0.5 * carried.logs['soft-orthogonality']!, 4)
      expect(own.value).toBe(carried.value)
      expect(carried.logs).toHaveProperty('soft-orthogonality/largest-cosine')
    }
  })
})
