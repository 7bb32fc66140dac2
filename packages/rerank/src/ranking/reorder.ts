import { createRanking, type Ranking } from '@lookalike/core'

/**
 * A ranking whose first `distances.length` candidates are sorted by new distances, ties by their old rank.
 *
 * A candidate whose new distance is NaN was not judged: it keeps its place, and the others are sorted around it. The tail is
 * untouched. So that the whole list stays sorted, the new distances are scaled down where the largest is beyond the tail's first
 * (shifted where scaling cannot do it, which takes a negative distance).
 *
 * @param distances one a candidate, in the ranking's order; at most as many as the ranking is long
 */
export function reorder(ranking: Ranking, distances: ArrayLike<number>): Ranking {
  const count = distances.length
  const judged: number[] = []
  for (let i = 0; i < count; i++) if (!Number.isNaN(distances[i]!)) judged.push(i)
  const sorted = [...judged].sort((a, b) => distances[a]! - distances[b]! || a - b)

  const positions = ranking.positions.slice()
  const values = new Float64Array(count).fill(NaN)
  for (const [i, place] of judged.entries()) {
    positions[place] = ranking.positions[sorted[i]!]!
    values[place] = distances[sorted[i]!]!
  }
  if (judged.length === 0) return ranking
  fillUnjudged(values)
  const out = ranking.distances.slice()
  const limit = ranking.distances[count] ?? Infinity
  const fit = fitBelow(limit, values[0]!, values[count - 1]!)
  for (let i = 0; i < count; i++) out[i] = Math.min(limit, fit(values[i]!))
  return createRanking(positions, out)
}

/** A candidate that kept its place takes the distance of the one before it; the first ones that of the first after them. */
function fillUnjudged(values: Float64Array): void {
  let last = values.find((value) => !Number.isNaN(value))!
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) values[i] = last
    else last = values[i]!
  }
}

function fitBelow(limit: number, smallest: number, largest: number): (value: number) => number {
  if (largest <= limit) return (value) => value
  if (smallest >= 0 && limit >= 0) return (value) => value * (limit / largest)
  return (value) => value + (limit - largest)
}
