import { createRandom } from '@lookalike/core'
import { expect, it } from 'vitest'
import { completeLinkage, type Pair } from './complete-linkage.js'

/** Points on a line; pairs up to a threshold. */
const pairsOf = (points: readonly number[], threshold: number): Pair[] =>
  points.flatMap((x, a) =>
    points.flatMap((y, b) => (b > a && Math.abs(x - y) <= threshold ? [{ a, b, distance: Math.abs(x - y) }] : [])),
  )

/** The definition, by trying all. */
function bruteForce(points: readonly number[], threshold: number): number[][] {
  let groups = points.map((_, i) => [i])
  const far = (x: readonly number[], y: readonly number[]) =>
    Math.max(...x.flatMap((a) => y.map((b) => Math.abs(points[a]! - points[b]!))))
  for (;;) {
    let best: { x: number[]; y: number[]; distance: number } | undefined
    for (const [i, x] of groups.entries())
      for (const y of groups.slice(i + 1)) {
        const distance = far(x, y)
        if (distance <= threshold && (!best || distance < best.distance)) best = { x, y, distance }
      }
    if (!best) return groups.filter(({ length }) => length > 1).map((group) => group.sort((a, b) => a - b))
    const { x, y } = best
    groups = [...groups.filter((group) => group !== x && group !== y), [...x, ...y]]
  }
}

it('does not chain: what is far apart is in two groups', () => {
  expect(completeLinkage(pairsOf([0, 1, 2.1, 10, 10.5], 1.5))).toEqual([
    { members: [3, 4], diameter: 0.5 },
    { members: [0, 1], diameter: 1 },
  ])
})

it('is complete linkage, as its definition gives it', () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = createRandom(`linkage ${seed}`)
    const points = Array.from({ length: 24 }, () => 10 * random.next())
    const groups = completeLinkage(pairsOf(points, 0.9))
    expect(groups.map(({ members }) => members).sort((a, b) => a[0]! - b[0]!)).toEqual(
      bruteForce(points, 0.9).sort((a, b) => a[0]! - b[0]!),
    )
    for (const { members, diameter } of groups)
      expect(diameter).toBe(Math.max(...members.flatMap((a) => members.map((b) => Math.abs(points[a]! - points[b]!)))))
  }
})

it('nothing near, nothing joined', () => {
  expect(completeLinkage([])).toEqual([])
})
