import { expect, it } from 'vitest'
import { fastExp } from './fast-exp.js'

it('is the exponential', () => {
  let worst = 0
  for (let x = -700; x <= 700; x += 0.0371) worst = Math.max(worst, Math.abs(fastExp(x) / Math.exp(x) - 1))
  expect(worst).toBeLessThan(1e-9)
  expect(fastExp(0)).toBe(1)
  expect([-Infinity, -800, 800, Infinity].map(fastExp)).toEqual([0, 0, Infinity, Infinity])
  expect(fastExp(NaN)).toBeNaN()
})
