import type { PreferenceGraph } from './preference-graph.js'

export interface TriadCount {
  /** Sets of three candidates of which all three pairs are answered. */
  readonly closed: number
  /** Those that go round in a circle: a over b, b over c, c over a. */
  readonly cyclic: number
}

/** Counts the triads of a reference's answers. */
export function countTriads({ closer }: PreferenceGraph): TriadCount {
  // Each triad is met once, at its highest node.
  const lower = closer.map(() => new Map<number, boolean>())
  closer.forEach((targets, node) => {
    for (const target of targets) {
      if (target < node) lower[node]!.set(target, true)
      else lower[target]!.set(node, false)
    }
  })
  let closed = 0
  let cyclic = 0
  for (const neighbours of lower) {
    const list = [...neighbours]
    for (const [j, kOverJ] of list) {
      const below = lower[j]!
      for (const [i, jOverI] of below) {
        const kOverI = neighbours.get(i)
        if (kOverI === undefined) continue
        closed++
        // k > j > i > k, or the other way round.
        if (kOverJ === jOverI && kOverI !== kOverJ) cyclic++
      }
    }
  }
  return { closed, cyclic }
}
