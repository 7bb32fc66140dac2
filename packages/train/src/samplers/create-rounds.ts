import type { Random } from '@lookalike/core'

/** Draws members in shuffled rounds: each comes once before any comes again. */
export interface Rounds {
  /** The next member that `skip` does not hold; undefined where it holds them all. */
  next(skip?: ReadonlySet<number>): number | undefined
}

export function createRounds(members: Int32Array, random: Random): Rounds {
  let queue: number[] = []
  const refill = () => {
    for (const i of random.permutation(members.length)) queue.push(members[i]!)
  }
  return {
    next(skip) {
      // A second round behind the rest of the first: what is skipped now keeps its place.
      if (queue.length < members.length) refill()
      const at = skip ? queue.findIndex((member) => !skip.has(member)) : 0
      return at < 0 ? undefined : queue.splice(at, 1)[0]
    },
  }
}

/** The next `count` members; one comes twice only where there are fewer. */
export function drawDifferent(rounds: Rounds, count: number): number[] {
  const drawn: number[] = []
  const used = new Set<number>()
  while (drawn.length < count) {
    const member = rounds.next(used)
    if (member === undefined) {
      used.clear()
      continue
    }
    used.add(member)
    drawn.push(member)
  }
  return drawn
}

/** Positions of the items of each class that has items, by rising class number; any whole numbers will do. */
export function groupPositions(classes: Int32Array): Int32Array[] {
  const groups = new Map<number, number[]>()
  classes.forEach((group, position) => {
    const members = groups.get(group)
    if (members) members.push(position)
    else groups.set(group, [position])
  })
  return [...groups].sort(([a], [b]) => a - b).map(([, positions]) => Int32Array.from(positions))
}

/** As many batches as go through about all items once; at least one. */
export function batchesOfEpoch(items: number, batchSize: number): number {
  return Math.max(1, Math.floor(items / batchSize))
}
