import { formatPercent } from '../terminal/format.js'
import type { EvaluationJson } from './evaluation-json.js'

/** Runs whose figures may be compared: of one dataset, with as many queries among as many images. */
export interface ComparableRuns<R> {
  readonly dataset: string
  readonly queries: number
  readonly gallery: number
  readonly runs: readonly R[]
}

type Evaluated = { readonly result: Pick<EvaluationJson, 'dataset' | 'queries' | 'gallery' | 'stages'> }

export function comparableRuns<R extends Evaluated>(runs: readonly R[]): readonly ComparableRuns<R>[] {
  const groups = new Map<string, R[]>()
  for (const run of runs) {
    const { dataset, queries, gallery } = run.result
    const key = JSON.stringify([dataset, queries, gallery])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].map((same) => {
    const { dataset, queries, gallery } = same[0]!.result
    return { dataset, queries, gallery, runs: same }
  })
}

/**
 * How sure R@1 is, in words: twice the standard error of a share among so many queries (Agresti and Coull 1998), of the run where it is largest.
 * Nothing where there is one run or no R@1.
 */
export function uncertainty({ queries, runs }: ComparableRuns<Evaluated>): string | undefined {
  const shares = runs.flatMap(({ result }) => result.stages.at(-1)?.metrics['recall@1'] ?? [])
  if (shares.length < 2) return undefined
  const errors = shares.map((share) => {
    const shrunk = (share * queries + 2) / (queries + 4)
    return Math.sqrt((shrunk * (1 - shrunk)) / (queries + 4))
  })
  return `R@1 of ${queries.toLocaleString('en')} queries is uncertain by about ${formatPercent(2 * Math.max(...errors))} points: a smaller difference may be chance.`
}
