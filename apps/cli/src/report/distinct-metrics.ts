import type { StageResult } from '@lookalike/core'

/**
 * Names of the metrics to show: at k = 1 recall, precision and MAP are the same number by definition, and one row says it. Others that are only
 * equal by chance stay.
 */
export function distinctMetrics(stages: readonly Pick<StageResult, 'metrics'>[]): string[] {
  const names = Object.keys(stages[0]?.metrics ?? {})
  const same = (a: string, b: string) => stages.every(({ metrics }) => metrics[a] === metrics[b])
  return names.filter(
    (name) => !['precision@1', 'map@1'].includes(name) || !names.includes('recall@1') || !same(name, 'recall@1'),
  )
}

/** What MAP@R is, in one line, where it is among the names. */
export function explanation(names: readonly string[]): string | undefined {
  return names.includes('map@r')
    ? 'MAP@R: of the first R results, R being how many right ones there are, how many are right and how early; 100 is perfect.'
    : undefined
}
