import path from 'node:path'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { openProject, withPipeline } from '../open-project.js'
import { renderTable } from '../terminal/render-table.js'

export const train = defineCommand({
  name: 'train',
  args: {
    resume: { type: 'boolean', description: 'Go on from the last checkpoint of the run.' },
    overwrite: { type: 'boolean', description: 'Replace an earlier run of the same name.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike train --config examples/proxy-anchor', 'train as that config says'],
    ['lookalike train --train.epochs=3 --seed=1 --name=quick', 'with other settings, into runs/quick'],
    ['lookalike train --resume', 'go on after Ctrl-C or a crash'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, signal } = context
    const project = await openProject(args.config, context.overrides)
    return withPipeline(project, context, async (pipeline) => {
      const result = await pipeline.train({
        signal,
        onProgress: output.progress,
        onWarning: output.warn,
        resume: args.resume === true,
        overwrite: args.overwrite === true,
      })
      output.finish()
      const artefact = path.join(pipeline.runFolder, result.artefact)
      output.result({ ...result, folder: pipeline.runFolder, artefact })
      const figures = Object.entries(result.metrics).map(([name, value]) => [
        name,
        String(Number(value.toPrecision(5))),
      ])
      if (figures.length > 0) output.print(renderTable(['figure', 'value'], figures, [1]))
      output.print()
      if (result.stopped === 'aborted') {
        output.note(
          `Stopped; go on with: lookalike train --resume${args.config === undefined ? '' : ` --config ${args.config}`}`,
        )
        return EXIT.interrupted
      }
      output.print(
        `${result.stopped === 'early' ? 'Stopped early: it no longer got better. ' : ''}Wrote ${path.relative('.', artefact)}`,
      )
      if (artefact.endsWith('.onnx')) output.print(`Try it: lookalike evaluate --model ${path.relative('.', artefact)}`)
      return EXIT.ok
    })
  },
})
