import type { EvaluationResult } from '@lookalike/core'

/** The figures of an evaluation as plain data: what `metrics.json` holds and `evaluate --json` prints. */
export function evaluationJson(result: EvaluationResult) {
  return {
    name: result.name,
    dataset: result.dataset,
    model: result.model,
    queries: result.queries.length,
    gallery: result.gallery.length,
    stages: result.stages.map(({ name, metrics, categories, millisecondsPerQuery }) => ({
      name,
      metrics,
      categories,
      millisecondsPerQuery,
    })),
    curves: result.curves,
    comparison: result.comparison,
    rejection: result.rejection,
    warnings: result.warnings,
    finishedAt: result.finishedAt,
  }
}

export type EvaluationJson = ReturnType<typeof evaluationJson>
