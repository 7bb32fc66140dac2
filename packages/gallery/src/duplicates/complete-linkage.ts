/** Two rows and how far apart they are. */
export interface Pair {
  readonly a: number
  readonly b: number
  readonly distance: number
}

export interface LinkedGroup {
  /** Rising. */
  readonly members: readonly number[]
  /** Between the two that are farthest apart. */
  readonly diameter: number
}

/**
 * Complete linkage over all pairs up to a threshold: again and again the two groups are joined whose farthest members are nearest, as long as every two
 * members of the result are a pair. So everything in a group looks like everything else in it. Connected components would chain: a is like b, b like c,
 * and c goes for a picture that it does not look like.
 *
 * @param pairs all pairs up to the threshold, each once
 * @returns groups of two or more, the narrowest first
 */
export function completeLinkage(pairs: readonly Pair[]): LinkedGroup[] {
  /** Of each group, by its smallest member: the groups that it may be joined with, and how far their farthest members are apart. */
  const near = new Map<number, Map<number, number>>()
  const groups = new Map<number, { members: number[]; diameter: number }>()
  const nearOf = (row: number) => {
    const known = near.get(row)
    if (known) return known
    const made = new Map<number, number>()
    near.set(row, made)
    groups.set(row, { members: [row], diameter: 0 })
    return made
  }
  const heap = createHeap()
  for (const { a, b, distance } of pairs) {
    nearOf(a).set(b, distance)
    nearOf(b).set(a, distance)
    heap.push({ a: Math.min(a, b), b: Math.max(a, b), distance })
  }
  for (let next = heap.pop(); next; next = heap.pop()) {
    const { a, b, distance } = next
    // Old news of a group that was joined with another since.
    if (near.get(a)?.get(b) !== distance) continue
    const [ofA, ofB] = [near.get(a)!, near.get(b)!]
    const joined = new Map<number, number>()
    for (const [other, toA] of ofA) {
      const toB = other === b ? undefined : ofB.get(other)
      if (toB !== undefined) joined.set(other, Math.max(toA, toB))
    }
    for (const other of ofA.keys()) near.get(other)?.delete(a)
    for (const other of ofB.keys()) near.get(other)?.delete(b)
    near.delete(b)
    near.set(a, joined)
    const group = groups.get(a)!
    group.members.push(...groups.get(b)!.members)
    group.diameter = distance
    groups.delete(b)
    for (const [other, far] of joined) {
      near.get(other)!.set(a, far)
      heap.push({ a: Math.min(a, other), b: Math.max(a, other), distance: far })
    }
  }
  return [...groups.values()]
    .filter(({ members }) => members.length > 1)
    .map(({ members, diameter }) => ({ members: members.sort((x, y) => x - y), diameter }))
    .sort((x, y) => x.diameter - y.diameter || x.members[0]! - y.members[0]!)
}

/** Nearest first; ties by rows. */
function createHeap() {
  const heap: Pair[] = []
  const before = (x: Pair, y: Pair) => x.distance - y.distance || x.a - y.a || x.b - y.b
  const swap = (i: number, j: number) => {
    const held = heap[i]!
    heap[i] = heap[j]!
    heap[j] = held
  }
  return {
    push(pair: Pair) {
      let at = heap.push(pair) - 1
      while (at > 0 && before(heap[at]!, heap[(at - 1) >> 1]!) < 0) {
        swap(at, (at - 1) >> 1)
        at = (at - 1) >> 1
      }
    },
    pop(): Pair | undefined {
      const top = heap[0]
      const last = heap.pop()
      if (heap.length === 0 || last === undefined) return top
      heap[0] = last
      for (let at = 0; ; ) {
        const left = 2 * at + 1
        const least = [left, left + 1].reduce(
          (best, child) => (child < heap.length && before(heap[child]!, heap[best]!) < 0 ? child : best),
          at,
        )
        if (least === at) return top
        swap(at, least)
        at = least
      }
    },
  }
}
