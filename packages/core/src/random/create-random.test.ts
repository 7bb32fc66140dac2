import { describe, expect, it } from 'vitest'
import { createRandom } from './create-random.js'

describe('createRandom', () => {
  it('repeats for a seed and differs between seeds and forks', () => {
    const draw = (seed: number | string) => Array.from({ length: 5 }, createRandom(seed).next)
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    const root = createRandom(1)
    root.next()
    expect(root.fork('a').next()).toBe(createRandom(1).fork('a').next())
    expect(root.fork('a').next()).not.toBe(root.fork('b').next())
  })

  it('has the moments of its distributions', () => {
    const random = createRandom(7)
    const n = 20_000
    const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
    expect(mean(Array.from({ length: n }, () => random.next()))).toBeCloseTo(0.5, 1)
    const normals = Array.from({ length: n }, () => random.normal())
    expect(Math.abs(mean(normals))).toBeLessThan(0.03)
    expect(mean(normals.map((v) => v * v))).toBeCloseTo(1, 1)
    const counts = [0, 0, 0]
    for (let i = 0; i < n; i++) counts[random.integer(3)]!++
    for (const count of counts) expect(Math.abs(count / n - 1 / 3)).toBeLessThan(0.02)
  })

  it.each([undefined, null, Number.NaN, {}, 1n, true])('takes no seed of another type: %s', (seed) => {
    expect(() => createRandom(seed as never)).toThrow(expect.objectContaining({ code: 'random/seed' }))
  })

  it('permutes', () => {
    const order = createRandom(3).permutation(50)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect([...order]).not.toEqual(Array.from({ length: 50 }, (_, i) => i))
  })
})
