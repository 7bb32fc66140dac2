import type { PreferenceGraph } from './preference-graph.js'

/**
 * The circles among a reference's answers: for each knot of candidates that lead back to each other, its shortest circle
 * through the knot's first candidate. Each candidate of a circle is closer than the next, and the last closer than the first.
 */
export function findCycles({
  nodes,
  closer,
}: PreferenceGraph): { readonly cycle: readonly string[]; readonly knot: number }[] {
  return components(closer)
    .filter((knot) => knot.length > 1)
    .map((knot) => ({ cycle: shortestCycle(Math.min(...knot), closer).map((at) => nodes[at]!), knot: knot.length }))
    .sort((a, b) => b.knot - a.knot)
}

/** Strongly connected components (Tarjan, SIAM J. Comput. 1972), without recursion: answers may form long chains. */
function components(edges: readonly ReadonlySet<number>[]): number[][] {
  const order = new Int32Array(edges.length).fill(-1)
  const low = new Int32Array(edges.length)
  const open = new Uint8Array(edges.length)
  const stack: number[] = []
  const found: number[][] = []
  let next = 0
  for (let root = 0; root < edges.length; root++) {
    if (order[root] !== -1) continue
    const path: { readonly node: number; readonly rest: Iterator<number> }[] = []
    const enter = (node: number) => {
      order[node] = low[node] = next++
      open[node] = 1
      stack.push(node)
      path.push({ node, rest: edges[node]!.values() })
    }
    enter(root)
    while (path.length > 0) {
      const { node, rest } = path.at(-1)!
      const { value: to, done } = rest.next()
      if (!done) {
        if (order[to] === -1) enter(to)
        else if (open[to]) low[node] = Math.min(low[node]!, order[to]!)
        continue
      }
      path.pop()
      const parent = path.at(-1)?.node
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!)
      if (low[node] !== order[node]) continue
      const component = stack.splice(stack.lastIndexOf(node))
      for (const member of component) open[member] = 0
      found.push(component)
    }
  }
  return found
}

/** Breadth first from `start` until an edge leads back to it; called only where one does. */
function shortestCycle(start: number, edges: readonly ReadonlySet<number>[]): number[] {
  const from = new Map<number, number>([[start, -1]])
  const queue = [start]
  for (const node of queue) {
    if (edges[node]!.has(start)) {
      const cycle: number[] = []
      for (let at = node; at !== -1; at = from.get(at)!) cycle.unshift(at)
      return cycle
    }
    for (const to of edges[node]!) {
      if (from.has(to)) continue
      from.set(to, node)
      queue.push(to)
    }
  }
  return []
}
