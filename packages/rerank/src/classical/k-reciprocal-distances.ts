import { createKReciprocalEncodings } from './k-reciprocal-encodings.js'
import { createMutualNeighbours, type NeighbourhoodInput } from './mutual-neighbours.js'

/**
 * k-reciprocal encoding (Zhong, Zheng, Cao, Li: Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017), on the set
 * that one query and the gallery make.
 */
export interface KReciprocalInput extends NeighbourhoodInput {
  /** How many of `ranked` to judge. */
  readonly count: number
  readonly k2: number
  readonly lambda: number
}

/**
 * `(1 - lambda) * Jaccard distance + lambda * (1 - inner product)` of the query and each of the first `count` ranked rows. Neighbours are
 * learnt of the rows that these depend on, and of no others.
 */
export async function kReciprocalDistances(input: KReciprocalInput): Promise<Float64Array> {
  const { ranked, count, k1, k2, lambda } = input
  const mutual = createMutualNeighbours(input)
  const encodings = createKReciprocalEncodings(mutual, k1)

  /** The node's k2 nearest, itself included. */
  const averaged = (node: number) => mutual.nearest([node], k2 - 1)
  /** Local query expansion: the mean encoding of those. Members that are not `counted` add nothing. */
  const smooth = (node: number, counted: ReadonlySet<number>): ReadonlyMap<number, number> => {
    const members = averaged(node)
    const mean = new Map<number, number>()
    for (const member of members.filter((each) => counted.has(each))) {
      for (const [other, weight] of encodings.of(member))
        mean.set(other, (mean.get(other) ?? 0) + weight / members.length)
    }
    return mean
  }

  const first = new Set(averaged(mutual.query))
  await encodings.learn(first)
  const own = smooth(mutual.query, first)
  const judged = [...ranked.subarray(0, count)]
  await mutual.learn(judged)
  // The others' encodings have nothing in common with the query's.
  const reach = await encodings.thatReach(new Set(own.keys()), new Set(judged.flatMap(averaged)))
  await encodings.learn(reach)
  return Float64Array.from(judged, (node) => {
    let common = 0
    for (const [other, weight] of smooth(node, reach)) common += Math.min(weight, own.get(other) ?? 0)
    return (1 - lambda) * (1 - common / (2 - common)) + lambda * (1 - mutual.similarity(mutual.query, node))
  })
}
