import type { Warning } from '@lookalike/core'
import { countTriads } from './count-triads.js'
import { findCycles } from './find-cycles.js'
import { type CheckedTriple, collectQuestions, preferenceGraphs, type Question } from './preference-graph.js'

/** A triple that cannot be used; `position` counts from 0. */
export type BadTriple =
  | { readonly kind: 'missing-image'; readonly position: number; readonly ids: readonly string[] }
  | { readonly kind: 'same-candidates'; readonly position: number; readonly id: string }
  | { readonly kind: 'reference-among-candidates'; readonly position: number; readonly id: string }
  | { readonly kind: 'bad-answer'; readonly position: number; readonly closer: string }

export interface Cycle {
  readonly reference: string
  /** Each is closer to the reference than the next, and the last closer than the first. */
  readonly cycle: readonly string[]
  /** How many candidates lead back to each other, this circle among them. */
  readonly knot: number
}

export interface TripleReport {
  readonly triples: number
  /** Triples that cannot be used. They count in nothing below. */
  readonly bad: readonly BadTriple[]
  readonly references: number
  /** Distinct questions; a question asked twice counts once. */
  readonly questions: number
  /** Questions with answers both ways. */
  readonly contradictions: readonly Question[]
  /** One a knot, the largest knot first; by the majority of each question's answers. */
  readonly cycles: readonly Cycle[]
  /** Of the answers to questions asked more than once, the share that agrees with the majority, 0.5 to 1; undefined without such questions. */
  readonly consistency: number | undefined
  /**
   * Needs no question asked twice, and so no second annotator: of the sets of three candidates whose three pairs are all
   * answered, the share that is free of circles, 0 to 1. Answers at random give 0.75. Undefined without such sets.
   */
  readonly annotatorFreeConsistency: number | undefined
  readonly closedTriads: number
  /** The findings in words, for people and logs. */
  readonly warnings: readonly Warning[]
}

/**
 * Checks triples before anything is learned from them. Pure: `ids` are the images that exist; without them, missing
 * images are not looked for.
 *
 * @example
 * const report = checkTriples(dataset.triples ?? [], dataset.items.map(({ id }) => id))
 * for (const { reference, cycle } of report.cycles) console.log(reference, cycle.join(' > '))
 */
export function checkTriples(triples: readonly CheckedTriple[], ids?: Iterable<string>): TripleReport {
  const known = ids && new Set(ids)
  const bad: BadTriple[] = []
  const good: number[] = []
  triples.forEach((triple, position) => {
    const found = findFault(triple, position, known)
    if (found) bad.push(found)
    else good.push(position)
  })
  const questions = collectQuestions(triples, good)
  const graphs = preferenceGraphs(questions)
  const contradictions = questions.filter(({ forA, forB }) => forA.length > 0 && forB.length > 0)
  const cycles = graphs
    .flatMap((graph) =>
      findCycles(graph).map(({ cycle, knot }): Cycle => ({ reference: graph.reference, cycle, knot })),
    )
    .sort((a, b) => b.knot - a.knot)
  let closed = 0
  let cyclic = 0
  for (const graph of graphs) {
    const count = countTriads(graph)
    closed += count.closed
    cyclic += count.cyclic
  }
  const report = {
    triples: triples.length,
    bad,
    references: graphs.length,
    questions: questions.length,
    contradictions,
    cycles,
    consistency: consistencyOf(questions),
    annotatorFreeConsistency: closed > 0 ? 1 - cyclic / closed : undefined,
    closedTriads: closed,
  }
  return { ...report, warnings: warningsOf(report) }
}

function findFault(
  { reference, a, b, closer }: CheckedTriple,
  position: number,
  known: ReadonlySet<string> | undefined,
): BadTriple | undefined {
  if (closer !== 'a' && closer !== 'b') return { kind: 'bad-answer', position, closer: String(closer) }
  if (a === b) return { kind: 'same-candidates', position, id: a }
  if (reference === a || reference === b) return { kind: 'reference-among-candidates', position, id: reference }
  const missing = known ? [reference, a, b].filter((id) => !known.has(id)) : []
  return missing.length > 0 ? { kind: 'missing-image', position, ids: missing } : undefined
}

function consistencyOf(questions: readonly Question[]): number | undefined {
  let answers = 0
  let agreeing = 0
  for (const { forA, forB } of questions) {
    if (forA.length + forB.length < 2) continue
    answers += forA.length + forB.length
    agreeing += Math.max(forA.length, forB.length)
  }
  return answers > 0 ? agreeing / answers : undefined
}

const FAULTS: Readonly<Record<BadTriple['kind'], string>> = {
  'missing-image': 'speak of images that are not there',
  'same-candidates': 'compare an image with itself',
  'reference-among-candidates': 'have their reference among the candidates',
  'bad-answer': 'have an answer other than a and b',
}

function warningsOf({
  bad,
  contradictions,
  cycles,
}: Pick<TripleReport, 'bad' | 'contradictions' | 'cycles'>): Warning[] {
  const warnings = (Object.keys(FAULTS) as BadTriple['kind'][]).flatMap((kind): Warning[] => {
    const positions = bad.filter((fault) => fault.kind === kind).map(({ position }) => position)
    if (positions.length === 0) return []
    return [
      {
        code: `triples/${kind}`,
        message: `${positions.length} triples ${FAULTS[kind]}, first triple ${positions[0]! + 1}`,
        fields: { positions },
      },
    ]
  })
  const [question] = contradictions
  if (question) {
    const { reference, a, b } = question
    warnings.push({
      code: 'triples/contradiction',
      message: `${contradictions.length} questions are answered both ways, first whether ${a} or ${b} is closer to ${reference}`,
      fields: { questions: contradictions.length },
    })
  }
  const [cycle] = cycles
  if (cycle) {
    warnings.push({
      code: 'triples/cycle',
      message: `${cycles.length} circles: for ${cycle.reference}, ${[...cycle.cycle, cycle.cycle[0]].join(' over ')}`,
      fields: { cycles: cycles.length },
    })
  }
  return warnings
}
