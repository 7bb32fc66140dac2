import type { Ranking } from '../contracts/ranking.js'
import { LookalikeError } from '../errors.js'

/**
 * Checks and freezes a ranking.
 *
 * @throws `ranking/invalid` when lengths differ, a position appears twice, or distances are not finite and sorted.
 */
export function createRanking(positions: Int32Array, distances: Float32Array): Ranking {
  const fail = (problem: string) => {
    throw new LookalikeError('ranking/invalid', {
      problem,
      expected: 'unique positions with finite distances that never fall, of equal length',
    })
  }
  if (positions.length !== distances.length)
    fail(`${positions.length} positions came with ${distances.length} distances`)
  if (new Set(positions).size !== positions.length) fail('A position appears twice in a ranking')
  for (let i = 0; i < distances.length; i++) {
    const distance = distances[i]!
    if (!Number.isFinite(distance)) fail(`The distance at rank ${i + 1} is ${distance}`)
    if (i > 0 && distance < distances[i - 1]!) {
      fail(`The distance falls from ${distances[i - 1]} to ${distance} at rank ${i + 1}`)
    }
  }
  return Object.freeze({ positions, distances })
}
