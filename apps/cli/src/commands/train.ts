import path from 'node:path'
import type { ModelCost } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { openProject, withPipeline } from '../open-project.js'
import { costCells, costHead, metricsOf } from '../report/accuracy-and-cost.js'
import { evaluationJson } from '../report/evaluation-json.js'
import { formatDuration, formatFigure, formatPercent } from '../terminal/format.js'
import { renderTable } from '../terminal/render-table.js'
import { tryLine } from '../try-line.js'
import { summary } from './evaluate.js'

/** The phase of progress in which a trainer says how good the encoder is as it is. */
const BEFORE_TRAINING = 'before training'

export const train = defineCommand({
  name: 'train',
  args: {
    resume: { type: 'boolean', description: 'Go on from the last checkpoint of the run.' },
    overwrite: { type: 'boolean', description: 'Replace an earlier run of the same name.' },
    estimate: {
      type: 'boolean',
      description: 'Say how long it would take on this machine, and how much memory, and train nothing.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike train --config examples/proxy-anchor', 'train as that config says'],
    ['lookalike train --train.epochs=3 --seed=1 --name=quick', 'with other settings, into runs/quick'],
    ['lookalike train --resume', 'go on after Ctrl-C or a crash'],
    ['lookalike train --estimate', 'how long it would take, measured on a few images'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const project = await openProject(args, context.overrides)
    return withPipeline(project, context, async (pipeline) => {
      if (args.estimate === true) return estimate(pipeline, context)
      if (pipeline.config.stages.length > 0) return trainInStages(pipeline, args, context)
      const result = await pipeline.train({
        ...operation,
        onProgress: (progress) => {
          if (progress.phase !== BEFORE_TRAINING) output.progress(progress)
          else if (!output.json && !output.quiet) output.note(`Before training: ${progress.note ?? ''}`)
        },
        resume: args.resume === true,
        overwrite: args.overwrite === true,
      })
      output.finish()
      const artefact = path.join(pipeline.runFolder, result.artefact)
      output.result({ ...result, folder: pipeline.runFolder, artefact })
      const figures = Object.entries(result.metrics).map(([name, value]) => [name, formatFigure(name, value)])
      if (figures.length > 0) output.print(renderTable(['figure', 'value'], figures, [1]))
      if (result.costs) printCosts(result.costs, context)
      output.print()
      if (result.stopped === 'aborted') {
        output.note(
          `Stopped; go on with: lookalike train --resume${args.config === undefined ? '' : ` --config ${args.config}`}`,
        )
        return EXIT.interrupted
      }
      output.print(
        `${result.stopped === 'early' ? 'Stopped early: it no longer got better. ' : ''}Wrote ${path.relative('.', artefact)}${result.kept === 'untuned' ? ': the encoder as it was, because nothing was gained' : ''}`,
      )
      const line = tryLine(artefact, result.usedBy, project.loaded.folder, args.config)
      if (line !== undefined) output.print(`Try it: ${line}`)
      return EXIT.ok
    })
  },
})

/** What came of a budget. */
function printCosts(costs: readonly ModelCost[], { output }: CommandContext): void {
  const figures = metricsOf(costs)
  const rows = costs.map((cost) => [
    cost.name,
    ...figures.map((name) => (name in cost.metrics ? formatPercent(cost.metrics[name]!) : '')),
    ...costCells(cost),
  ])
  const head = ['model', ...figures.map((name) => `${name}, %`), ...costHead]
  output.print()
  output.print(
    renderTable(
      head,
      rows,
      head.slice(1).map((_, i) => i + 1),
    ),
  )
}

/** How long each part would take, and how much memory. */
async function estimate(pipeline: Pipeline, { output, operation }: CommandContext): Promise<number> {
  const forecasts = await pipeline.forecast(operation)
  output.finish()
  const timed = forecasts.map((forecast) => ({
    ...forecast,
    seconds: (forecast.estimate?.parts ?? []).reduce((sum, { count, secondsEach }) => sum + count * secondsEach, 0),
  }))
  const seconds = timed.reduce((sum, forecast) => sum + forecast.seconds, 0)
  const bytes = Math.max(...timed.map(({ estimate: found }) => found?.bytes ?? 0))
  output.result({ seconds, bytes, stages: timed })
  const rows = timed.flatMap(({ name, estimate: found }) =>
    (found?.parts ?? []).map((part) => [
      name,
      part.name,
      `${part.count} ${part.unit}s`,
      formatDuration(part.count * part.secondsEach),
    ]),
  )
  output.print(renderTable(['stage', 'part', 'how much', 'time'], rows, [2, 3]))
  output.print()
  for (const { name, note } of timed) if (note !== undefined) output.print(`${name}: ${note}`)
  output.print(
    `About ${formatDuration(seconds)} on this machine as it is now, and ${(bytes / 2 ** 30).toFixed(1)} GiB of memory. Nothing was trained.`,
  )
  return EXIT.ok
}

/** All stages, and then the config as a whole, measured: one report. */
async function trainInStages(
  pipeline: Pipeline,
  args: {
    readonly resume?: boolean | undefined
    readonly overwrite?: boolean | undefined
    readonly config?: string | undefined
  },
  context: CommandContext,
): Promise<number> {
  const { output, operation } = context
  const stages = await pipeline.trainStages({
    ...operation,
    resume: args.resume === true,
    overwrite: args.overwrite === true,
  })
  output.finish()
  if (stages.at(-1)?.stopped === 'aborted') {
    output.result({ folder: pipeline.runFolder, stages })
    output.note(
      `Stopped; go on with: lookalike train --resume${args.config === undefined ? '' : ` --config ${args.config}`}`,
    )
    return EXIT.interrupted
  }
  const evaluation = await pipeline.evaluate(operation)
  const files = await pipeline.report(evaluation)
  output.finish()
  output.result({ folder: pipeline.runFolder, stages, evaluation: evaluationJson(evaluation), files })
  const rows = stages.flatMap(({ name, metrics }) =>
    Object.entries(metrics).map(([figure, value]) => [name, figure, formatFigure(figure, value)]),
  )
  output.print(renderTable(['stage', 'figure', 'value'], rows, [2]))
  for (const { costs } of stages) if (costs) printCosts(costs, context)
  output.print()
  output.print(summary(evaluation))
  output.print()
  for (const file of files) output.print(`Wrote ${path.relative('.', file)}`)
  return EXIT.ok
}
