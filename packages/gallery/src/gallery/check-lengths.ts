import type { Embeddings, Warning } from '@lookalike/core'

/** Share by which the length of a unit vector may be off: half precision rounds. */
const TOLERANCE = 0.01

/**
 * Says where lengths make inner products another thing than cosines: in a gallery of unit vectors, vectors of another length; in a new one,
 * vectors of different lengths.
 *
 * @param first a vector that is there already, undefined in an empty gallery
 */
export function checkLengths({ data, rows, dim }: Embeddings, first: Float32Array | undefined): Warning | undefined {
  if (rows === 0) return undefined
  const wanted = lengthOf(first ?? data.subarray(0, dim))
  const isUnit = Math.abs(wanted - 1) <= TOLERANCE
  if (first && !isUnit) return undefined
  let shortest = Infinity
  let longest = 0
  let others = 0
  for (let row = 0; row < rows; row++) {
    const length = lengthOf(data.subarray(row * dim, (row + 1) * dim))
    if (Math.abs(length - wanted) > TOLERANCE * wanted) others++
    shortest = Math.min(shortest, length)
    longest = Math.max(longest, length)
  }
  if (others === 0) return undefined
  const range = `from ${shortest.toPrecision(4)} to ${longest.toPrecision(4)}`
  return {
    code: 'gallery/lengths',
    message: isUnit
      ? `${others} of ${rows} added vectors are not of length 1 as the others of the gallery are (they go ${range}): longer ones come first in searches.`
      : `The added vectors have lengths ${range}: similarity is the inner product, not the cosine, and longer ones come first in searches.`,
    fields: { rows, others, shortest, longest },
  }
}

function lengthOf(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}
