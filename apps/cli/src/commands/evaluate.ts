import path from 'node:path'
import type { EvaluationResult } from '@lookalike/core'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { distinctMetrics, explanation } from '../report/distinct-metrics.js'
import { evaluationJson } from '../report/evaluation-json.js'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { renderTable } from '../terminal/render-table.js'

export const evaluate = defineCommand({
  name: 'evaluate',
  args: {
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description: "Measure this model instead of the config's encoder or combiner.",
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike evaluate --config examples/emoji', 'measure, and write runs/<name>/report.html'],
    ['lookalike evaluate --model runs/mine/model.onnx --name=mine-tuned', 'a model that "train" wrote'],
    ['lookalike evaluate --json --evaluate.ks=[1,10] | jq .stages[0].metrics', 'figures for a script'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const project = await openProject(args, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline) => {
      const result = await pipeline.evaluate(operation)
      output.finish()
      // First, so that figures are not lost where they cannot be written.
      output.print(summary(result))
      output.progress({ phase: 'report', done: 0, total: 1, unit: 'file' })
      const files = await pipeline.report(result)
      output.finish()
      output.result({ ...evaluationJson(result), files })
      output.print()
      for (const file of files) output.print(`Wrote ${path.relative('.', file)}`)
    })
  },
})

export function summary(result: EvaluationResult): string {
  const names = distinctMetrics(result.stages)
  const head = `${result.dataset}: ${result.queries.length} queries in ${result.gallery.length} images, ${result.model.name} (${result.model.dim} dimensions)`
  const table = renderTable(
    ['metric, %', ...result.stages.map(({ name }) => name)],
    [
      ...names.map((name) => [
        metricLabel(name),
        ...result.stages.map(({ metrics }) => formatPercent(metrics[name] ?? Number.NaN)),
      ]),
      ['ms a query', ...result.stages.map(({ millisecondsPerQuery }) => millisecondsPerQuery.toFixed(2))],
    ],
    result.stages.map((_, i) => i + 1),
  )
  const comparison = result.comparison && compared(result.comparison)
  const rejection = result.rejection && rejecting(result.rejection)
  return [head, table, explanation(names), comparison, rejection].filter(Boolean).join('\n\n')
}

/** The share of the gallery that the summary rejects. */
const REJECTED = 0.1

function rejecting({ coverage, risk, randomRisk }: NonNullable<EvaluationResult['rejection']>): string | undefined {
  const at = coverage.findIndex((kept) => Math.abs(kept - (1 - REJECTED)) < 1e-9)
  if (at < 0) return undefined
  const [all, kept, random] = [risk[0]!, risk[at]!, randomRisk[at]!].map(formatPercent)
  return `Rejecting the ${100 * REJECTED} % of the gallery that is least sure: ${kept} % of the first results wrong in place of ${all} %, where an answer is kept (at random ${random} %).`
}

function compared(comparison: NonNullable<EvaluationResult['comparison']>): string {
  const names = Object.keys(comparison[0]!.metrics)
  return renderTable(
    ['against baselines, %', ...names.map(metricLabel), 'ms a query'],
    comparison.map(({ name, metrics, encodingMilliseconds, searchMilliseconds }) => [
      name,
      ...names.map((metric) => formatPercent(metrics[metric]!)),
      (encodingMilliseconds + searchMilliseconds).toFixed(1),
    ]),
    [...names.map((_, i) => i + 1), names.length + 1],
  )
}
