import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { embedIntoTable, openTableWriter, streamTableWriter, TABLE_FORMATS, tableFormatOf } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand, modelArgs } from '../command.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { choiceOption } from '../terminal/numbers.js'

export const embed = defineCommand({
  name: 'embed',
  args: {
    images: { type: 'positional', description: 'Image files or folders.' },
    out: {
      type: 'string',
      alias: 'o',
      valueHint: 'file',
      default: '-',
      description:
        'A file that ends in .npy, .jsonl, .parquet or .safetensors; - writes JSON lines to standard output.',
    },
    format: {
      type: 'string',
      valueHint: TABLE_FORMATS.join('|'),
      description: "What the file is, where its name does not say so. Default: by the name's ending.",
    },
    role: {
      type: 'string',
      valueHint: 'gallery|query',
      default: 'gallery',
      description: 'What the vectors are for; asymmetric models make two kinds.',
    },
    ...modelArgs,
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike embed ./photos --out vectors.npy', 'a matrix for NumPy, with vectors.ids.jsonl beside it'],
    ['lookalike embed ./photos --out vectors.parquet', 'ids and vectors in one table'],
    ['lookalike embed cat.jpg | head -c 300', 'as JSON lines, for another program'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, signal, positionals } = context
    const toStdout = args.out === '-'
    if (toStdout && (output.json || (args.format !== undefined && args.format !== 'jsonl'))) {
      throw new LookalikeError('cli/conflicting-options', {
        problem: output.json
          ? '--json and vectors on standard output would mix'
          : `Standard output takes JSON lines, and --format is ${args.format}`,
        fix: 'Name a file with --out.',
      })
    }
    const format = toStdout
      ? 'jsonl'
      : args.format === undefined
        ? tableFormatOf(args.out)
        : choiceOption('--format', args.format, TABLE_FORMATS)
    const role = choiceOption('--role', args.role, ['gallery', 'query'])
    const project = await openProject(args, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const done = await embedIntoTable(
        positionals,
        async ({ space, dim }) =>
          toStdout
            ? streamTableWriter(process.stdout, { space, dim })
            : openTableWriter(args.out, { format, space, dim }),
        {
          embed: (images, as, options) => pipeline.embed(images, as, options),
          role,
          root: pipeline.path('.'),
          folder: toStdout ? '.' : path.dirname(args.out),
          except: pipeline.ownFolders,
          signal,
          onProgress: output.progress,
          onWarning: output.warn,
        },
      )
      output.finish()
      const { space, dim } = await pipeline.model()
      output.result({ file: path.resolve(args.out), format, space, dim, ...done })
      const skipped = done.skipped > 0 ? `, ${done.skipped} skipped` : ''
      if (!toStdout) output.print(`${args.out}: ${done.images} x ${dim} numbers of ${space}${skipped}`)
    })
  },
})
