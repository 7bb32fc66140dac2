import { type MutualNeighbours, memo } from './mutual-neighbours.js'

/**
 * Encodings of nodes: weights over the k1-reciprocal neighbours, expanded by the sets of those whose own (of half of k1) is shared by more
 * than two thirds. To know this, neighbours of few rows are learnt: whether a set is shared so far is often clear before all of it is known.
 */
export interface KReciprocalEncodings {
  /** They sum to 1. Needs `learn` of the node. */
  of(node: number): ReadonlyMap<number, number>
  /** What the encodings of these depend on. */
  learn(nodes: Iterable<number>): Promise<void>
  /** Those of `members` whose encoding may have one of `nodes` in it: all that do are among them. */
  thatReach(nodes: ReadonlySet<number>, members: ReadonlySet<number>): Promise<Set<number>>
}

export function createKReciprocalEncodings(mutual: MutualNeighbours, k1: number): KReciprocalEncodings {
  const { nearest, isMutual, reciprocal, reciprocalHalf, similarity } = mutual

  /** Rows that must be known before it is clear which members expand the node's set. */
  const undecided = (node: number): number[] =>
    [...reciprocal(node)].flatMap((member) => {
      const { known, open } = reciprocalHalf(member)
      // What they share is known. With so many more that they do not share, the member does not expand the set.
      const shared = countIn(reciprocal(node), known)
      return expands(shared, known.length) ? open.slice(0, Math.ceil(1.5 * shared) - known.length) : []
    })

  /** Whether the set of `other` may expand the member's, whatever is not known yet. */
  const mayExpand = (member: number, other: number) => {
    const { known, open } = reciprocalHalf(other)
    const perhaps = countIn(new Set(nearest([member], k1)), open)
    const shared = known.filter((each) => isMutual(member, each, k1)).length
    return expands(shared + perhaps, known.length + perhaps)
  }

  return {
    of: memo((node) => {
      const own = reciprocal(node)
      const expanded = new Set(own)
      for (const member of own) {
        const { known } = reciprocalHalf(member)
        if (expands(countIn(own, known), known.length)) for (const other of known) expanded.add(other)
      }
      const weights = new Map<number, number>()
      let total = 0
      for (const other of expanded) {
        const weight = Math.exp(similarity(node, other) - 1)
        weights.set(other, weight)
        total += weight
      }
      for (const [other, weight] of weights) weights.set(other, weight / total)
      return weights
    }),

    async learn(nodes) {
      await mutual.learn(nodes)
      await mutual.learn(nearest(nodes, k1))
      let open: Set<number>
      do {
        open = new Set([...nodes].flatMap(undecided))
        await mutual.learn(open)
      } while (open.size > 0)
    },

    async thatReach(nodes, members) {
      await mutual.learn([...nodes].flatMap((node) => reciprocalHalf(node).open))
      // A node is in an encoding as a mutual neighbour, or as one of a mutual neighbour whose set expands it; it is one of its own.
      const between = new Set([...nodes].flatMap((node) => reciprocalHalf(node).known))
      const near = new Set(nearest(between, k1))
      const perhaps = [...members].filter((member) => near.has(member))
      await mutual.learn(perhaps)
      const reaches = (member: number) =>
        nearest([member], k1).some(
          (other) =>
            between.has(other) && isMutual(member, other, k1) && (nodes.has(other) || mayExpand(member, other)),
        )
      return new Set(perhaps.filter(reaches))
    },
  }
}

/** Whether a set of `length`, of which so many are shared, is added to another. */
const expands = (shared: number, length: number) => shared > (2 / 3) * length

function countIn(set: ReadonlySet<number>, nodes: readonly number[]): number {
  let count = 0
  for (const node of nodes) if (set.has(node)) count++
  return count
}
