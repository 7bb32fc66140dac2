/** A triple as the checks need it; ids of images. */
export interface CheckedTriple {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: 'a' | 'b'
}

/** A question "is a or b closer to the reference?" and the positions of the triples that answer it either way. */
export interface Question {
  readonly reference: string
  /** The candidate whose id sorts first. */
  readonly a: string
  readonly b: string
  readonly forA: readonly number[]
  readonly forB: readonly number[]
}

/** All questions that triples ask; the order of a and b does not matter. Positions are those in `triples`. */
export function collectQuestions(triples: readonly CheckedTriple[], positions: Iterable<number>): Question[] {
  type Answers = { forA: number[]; forB: number[] }
  const questions = new Map<string, Map<string, Map<string, Answers>>>()
  for (const position of positions) {
    const { reference, a, b, closer } = triples[position]!
    const [first, second] = a < b ? [a, b] : [b, a]
    const byFirst = entry(questions, reference, () => new Map<string, Map<string, Answers>>())
    const bySecond = entry(byFirst, first, () => new Map<string, Answers>())
    const answers = entry(bySecond, second, (): Answers => ({ forA: [], forB: [] }))
    const winner = closer === 'a' ? a : b
    ;(winner === first ? answers.forA : answers.forB).push(position)
  }
  return [...questions].flatMap(([reference, byFirst]) =>
    [...byFirst].flatMap(([a, bySecond]) =>
      [...bySecond].map(([b, answers]): Question => ({ reference, a, b, ...answers })),
    ),
  )
}

/** For one reference: who is closer than whom, by the majority of answers; evenly split questions are open. */
export interface PreferenceGraph {
  readonly reference: string
  readonly nodes: readonly string[]
  /** `closer[i]` holds the nodes that node i is closer than. */
  readonly closer: readonly ReadonlySet<number>[]
}

export function preferenceGraphs(questions: readonly Question[]): PreferenceGraph[] {
  const graphs = new Map<string, { nodes: string[]; index: Map<string, number>; closer: Set<number>[] }>()
  for (const { reference, a, b, forA, forB } of questions) {
    const graph = entry(graphs, reference, () => ({ nodes: [], index: new Map(), closer: [] }))
    const [i, j] = [nodeOf(graph, a), nodeOf(graph, b)]
    if (forA.length > forB.length) graph.closer[i]!.add(j)
    else if (forB.length > forA.length) graph.closer[j]!.add(i)
  }
  return [...graphs].map(([reference, { nodes, closer }]) => ({ reference, nodes, closer }))
}

function nodeOf(graph: { nodes: string[]; index: Map<string, number>; closer: Set<number>[] }, id: string): number {
  const known = graph.index.get(id)
  if (known !== undefined) return known
  graph.index.set(id, graph.nodes.length)
  graph.nodes.push(id)
  graph.closer.push(new Set())
  return graph.nodes.length - 1
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
