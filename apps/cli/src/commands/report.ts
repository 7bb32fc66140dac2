import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { writeWhole } from '@lookalike/pipeline'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { openProject } from '../open-project.js'
import { comparableRuns, uncertainty } from '../report/comparable-runs.js'
import type { EvaluationJson } from '../report/evaluation-json.js'
import { type Run, renderComparison } from '../report/render-comparison.js'
import { trainingCurves } from '../report/training-curves.js'
import { formatPercent, metricLabel } from '../terminal/format.js'
import { renderTable } from '../terminal/render-table.js'

export const report = defineCommand({
  name: 'report',
  args: {
    run: {
      type: 'positional',
      required: false,
      description: 'Names or folders of runs. Default: all runs of the config.',
    },
    out: {
      type: 'string',
      alias: 'o',
      valueHint: 'file',
      description: 'The page. Default: report.html in the folder of runs.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike report', 'all runs that were evaluated'],
    ['lookalike report plain tuned', 'these two side by side'],
  ],
  takesOverrides: false,
  takesMore: true,
  async run(args, { output, positionals }) {
    const { loaded } = await openProject(args)
    const runsFolder = path.resolve(loaded.folder, loaded.config.runs)
    const folders =
      positionals.length > 0
        ? positionals.map((name) => (/[/\\]/.test(name) ? path.resolve(name) : path.join(runsFolder, name)))
        : await subfolders(runsFolder)
    const runs: Run[] = []
    for (const folder of folders) {
      const run = await readRun(folder, positionals.length > 0)
      if (run) runs.push(run)
    }
    if (runs.length === 0) {
      throw new LookalikeError('report/no-runs', {
        problem: `No run in ${runsFolder} was evaluated yet`,
        expected: "a metrics.json in a run's folder",
        fix: 'Make one with: lookalike evaluate',
      })
    }
    const file = path.resolve(args.out ?? path.join(runsFolder, 'report.html'))
    await writeWhole(file, renderComparison(runs, path.dirname(file)))
    output.result({ file, runs: runs.map(({ folder, result }) => ({ folder, ...result })) })
    for (const same of comparableRuns(runs)) {
      output.print(table(same.runs))
      const unsure = uncertainty(same)
      if (unsure !== undefined) output.print(unsure)
      output.print()
    }
    output.print(`Wrote ${path.relative('.', file)}`)
  },
})

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name))
    .sort()
}

async function readRun(folder: string, asked: boolean): Promise<Run | undefined> {
  const file = path.join(folder, 'metrics.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) {
    if (!asked) return undefined
    throw new LookalikeError(
      'report/no-metrics',
      {
        problem: `${folder} has no metrics.json`,
        expected: 'the folder of a run that was evaluated',
        fix: 'Evaluate it first: lookalike evaluate',
      },
      { fields: { folder } },
    )
  }
  try {
    return { folder, result: JSON.parse(text) as EvaluationJson, training: await trainingCurves(folder) }
  } catch (cause) {
    throw new LookalikeError(
      'report/damaged',
      { problem: `${file} is no JSON: ${(cause as Error).message}`, fix: 'Evaluate the run again.' },
      { fields: { file }, cause },
    )
  }
}

function table(runs: readonly Run[]): string {
  const names = [...new Set(runs.flatMap(({ result }) => Object.keys(result.stages.at(-1)?.metrics ?? {})))]
  const shown = names.filter((name) => ['recall@1', 'map@r', 'mrr@10', 'triplet-accuracy'].includes(name))
  return renderTable(
    ['run', 'dataset', 'queries', 'model', 'reranked by', ...shown.map((name) => `${metricLabel(name)}, %`)],
    runs.map(({ folder, result }) => [
      path.basename(folder),
      result.dataset,
      `${result.queries} in ${result.gallery}`,
      result.model.name,
      result.stages
        .slice(1)
        .map(({ name }) => name)
        .join(', '),
      ...shown.map((name) => formatPercent(result.stages.at(-1)?.metrics[name] ?? Number.NaN)),
    ]),
    shown.map((_, i) => i + 5),
  )
}
