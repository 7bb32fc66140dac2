import { dotRows, unitRows } from '@lookalike/core'

/** How members count: alike, or less the further a member is from the others on an image (ours). */
export type Weighting = 'mean' | 'agreement'

/** Keeps members that agree exactly from taking all the weight. */
const FLOOR = 0.05

/** One unit vector for each image from its N transformed embeddings: their {@link meanOfMembers} at length 1. */
export function combineMembers(members: readonly Float32Array[], dim: number, weighting: Weighting): Float32Array {
  return unitRows(meanOfMembers(members, dim, weighting), dim)
}

/**
 * The mean of each image's N transformed embeddings: the shorter, the less they agree.
 *
 * With `agreement` member k of an image counts `1 / (0.05 + mean_j d_kj)`, d being cosine distances to the other members.
 *
 * @param members N matrices of unit rows, `[rows, dim]` each
 */
export function meanOfMembers(members: readonly Float32Array[], dim: number, weighting: Weighting): Float32Array {
  const [first] = members
  if (!first) throw new RangeError('No members were given.')
  const sum = new Float32Array(first.length)
  const rows = first.length / dim
  for (let row = 0; row < rows; row++) {
    const at = row * dim
    let total = 0
    for (const [k, member] of members.entries()) {
      const weight = weighting === 'mean' || members.length < 3 ? 1 : 1 / (FLOOR + meanDistance(members, k, row, dim))
      total += weight
      for (let i = at; i < at + dim; i++) sum[i]! += weight * member[i]!
    }
    for (let i = at; i < at + dim; i++) sum[i]! /= total
  }
  return sum
}

/**
 * How far an image's N transformed embeddings are from each other: `u = 2 / (N (N - 1)) sum_{i<j} (1 - cos)`. Undefined for one
 * member, which cannot disagree with itself.
 */
export function pairwiseUncertainty(members: readonly Float32Array[], dim: number): Float32Array | undefined {
  const [first] = members
  if (!first || members.length < 2) return undefined
  return Float32Array.from({ length: first.length / dim }, (_, row) => {
    let sum = 0
    for (let k = 0; k < members.length; k++) sum += meanDistance(members, k, row, dim)
    return Math.max(0, sum / members.length)
  })
}

/** Of one member's row to the other members' rows. */
function meanDistance(members: readonly Float32Array[], k: number, row: number, dim: number): number {
  const own = members[k]!
  let sum = 0
  for (const [j, other] of members.entries()) if (j !== k) sum += 1 - dotRows(own, row, other, row, dim)
  return sum / (members.length - 1)
}
