import type { LossTriple } from '@lookalike/core'
import { type Dataset, LookalikeError, type Split, type Triple, type Warning } from '@lookalike/core'
import { checkTriples, type TripleReport } from '../triples/check-triples.js'

/** Triples ready to learn from; rows are positions among the dataset's items. */
export interface ContextData {
  /** In the order in which contexts first come. */
  readonly contexts: ReadonlyMap<string, readonly LossTriple[]>
  readonly validation: readonly LossTriple[]
  /** Contradictions and circles: they can be learned from, and limit what is learned. */
  readonly warnings: readonly Warning[]
  /** Of the triples' own answers, 0 to 1, where three candidates of one reference are all compared. */
  readonly consistency?: number | undefined
}

/**
 * @param softLabels the share of votes is the target, where there are votes
 * @param batchSize what two thirds of a context must fill
 * @throws `ensemble/no-triples`, `ensemble/bad-triple`, `ensemble/one-context`, `ensemble/small-context`
 */
export function readContexts(dataset: Dataset, softLabels: boolean, batchSize: number): ContextData {
  const { triples, report } = usableTriples(dataset)
  const rowOf = new Map(dataset.items.map(({ id }, row) => [id, row]))
  const of = (split: Split) => triples.filter((triple) => triple.split === split)
  const contexts = new Map<string, LossTriple[]>()
  for (const triple of of('train')) {
    const name = triple.context ?? triple.reference
    const row = toRow(triple, rowOf, softLabels)
    const own = contexts.get(name)
    if (own) own.push(row)
    else contexts.set(name, [row])
  }
  if (contexts.size < 2) throw oneContext([...contexts.keys()])
  for (const [context, own] of contexts)
    if (Math.floor((own.length * 2) / 3) < batchSize) throw smallContext(context, own.length, batchSize)
  return {
    contexts,
    validation: of('validation').map((triple) => toRow(triple, rowOf, softLabels)),
    warnings: report.warnings,
    consistency: report.annotatorFreeConsistency,
  }
}

function usableTriples({ name, items, triples }: Dataset): {
  readonly triples: readonly Triple[]
  readonly report: TripleReport
} {
  if (!triples || triples.length === 0) {
    throw new LookalikeError('ensemble/no-triples', {
      problem: `The dataset ${name} has no triples`,
      expected: 'a dataset of triples, as "triples" or "emoji-triples" read',
      fix: 'Gather some with "lookalike label".',
    })
  }
  const report = checkTriples(
    triples,
    items.map(({ id }) => id),
  )
  const [fault] = report.bad
  if (fault) {
    const { reference, a, b } = triples[fault.position]!
    throw new LookalikeError(
      'ensemble/bad-triple',
      {
        problem: `Triple ${fault.position + 1} (${reference}; ${a}, ${b}) cannot be used: ${fault.kind.replaceAll('-', ' ')}`,
        expected: 'three different images of the dataset, and a or b as the closer one',
      },
      { fields: { ...fault } },
    )
  }
  return { triples, report }
}

function toRow(
  { reference, a, b, closer, agreement, classA, classB }: Triple,
  rowOf: ReadonlyMap<string, number>,
  soft: boolean,
): LossTriple {
  const share = soft ? (agreement ?? 1) : 1
  return {
    reference: rowOf.get(reference)!,
    a: rowOf.get(a)!,
    b: rowOf.get(b)!,
    target: closer === 'b' ? share : 1 - share,
    classA,
    classB,
  }
}

function oneContext(contexts: readonly string[]): LookalikeError {
  return new LookalikeError(
    'ensemble/one-context',
    {
      problem: `The training triples form ${contexts.length} context${contexts.length === 1 ? '' : 's'}`,
      expected: 'at least two, so that there is something to choose between',
      fix: 'Let the dataset make groups of references: contexts: 8.',
    },
    { fields: { contexts } },
  )
}

function smallContext(context: string, triples: number, batchSize: number): LookalikeError {
  return new LookalikeError(
    'ensemble/small-context',
    {
      problem: `The context ${context} has ${triples} triples; two thirds of them train, and a batch takes ${batchSize}`,
      expected: `at least ${Math.ceil(batchSize * 1.5)} triples a context`,
      fix: 'Gather more triples for it, make fewer and larger contexts, or lower batchSize.',
    },
    { fields: { context, triples, batchSize } },
  )
}
