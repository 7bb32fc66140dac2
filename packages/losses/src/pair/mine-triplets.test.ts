import { describe, expect, it } from 'vitest'
import { type Mining, mineTriplets } from './mine-triplets.js'
import type { Pairs } from './pairs.js'

/** One anchor (row 0) and what it is compared with: `[class, distance]`, the anchor's class being 0. */
function mined(others: readonly (readonly [number, number])[], mining: Mining, margin: number | null = 1, n = 2) {
  const columns = others.length + 1
  const pairs: Pairs = {
    values: Float32Array.from([0, ...others.map(([, distance]) => distance)]),
    rows: 1,
    columns,
    labels: Int32Array.of(0),
    columnLabels: Int32Array.from([0, ...others.map(([label]) => label)]),
  }
  const found: [number, number][] = []
  mineTriplets(pairs, mining, { n, margin }, (p, q) => found.push([p, q]))
  return found
}

describe('mineTriplets', () => {
  it('takes every positive with every negative', () => {
    const others = [
      [0, 1],
      [1, 2],
      [0, 3],
      [2, 1],
    ] as const
    expect(mined(others, 'all')).toEqual([
      [1, 2],
      [1, 4],
      [3, 2],
      [3, 4],
    ])
  })

  it('takes the farthest positive and the nearest negative, the first of equals', () => {
    expect(
      mined(
        [
          [0, 1],
          [0, 3],
          [0, 3],
          [1, 2],
          [1, 5],
          [2, 2],
        ],
        'hard',
      ),
    ).toEqual([[2, 4]])
  })

  it('takes n of each, the first of equals', () => {
    const others = [
      [0, 2],
      [0, 1],
      [0, 2],
      [0, 2],
      [1, 4],
      [1, 3],
      [1, 4],
      [1, 4],
    ] as const
    expect(mined(others, 'n-hard')).toEqual([
      [1, 6],
      [1, 5],
      [3, 6],
      [3, 5],
    ])
    expect(mined(others, 'n-hard', 1, 9)).toHaveLength(16)
    expect(mined(others, 'n-hard', 1, 1)).toEqual([[1, 6]])
  })

  it('takes the nearest negative beyond the positive, less than the margin beyond', () => {
    // Beyond 2 and below 3: not 2 itself, not 3 itself.
    expect(
      mined(
        [
          [0, 2],
          [1, 2],
          [1, 3],
          [1, 2.75],
          [1, 2.5],
          [1, 2.5],
        ],
        'semi-hard',
      ),
    ).toEqual([[1, 5]])
    expect(
      mined(
        [
          [0, 2],
          [1, 2],
          [1, 3],
          [1, 1],
        ],
        'semi-hard',
      ),
    ).toEqual([])
    expect(
      mined(
        [
          [0, 2],
          [1, 9],
          [1, 8],
        ],
        'semi-hard',
        null,
      ),
    ).toEqual([[1, 3]])
  })

  it('finds nothing where a kind is missing', () => {
    for (const mining of ['all', 'hard', 'n-hard', 'semi-hard'] as const) {
      expect(
        mined(
          [
            [0, 1],
            [0, 2],
          ],
          mining,
        ),
      ).toEqual([])
      expect(
        mined(
          [
            [1, 1],
            [1, 2],
          ],
          mining,
        ),
      ).toEqual([])
    }
  })
})
