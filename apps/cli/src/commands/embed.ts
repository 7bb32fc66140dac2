import path from 'node:path'
import { embedIntoTable, TABLE_FORMATS } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand, modelArgs } from '../command.js'
import { vectorTable } from '../export/vector-table.js'
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
    const { output, operation, positionals } = context
    const table = vectorTable(args.out, args.format, output)
    const role = choiceOption('--role', args.role, ['gallery', 'query'])
    const project = await openProject(args, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const done = await embedIntoTable(positionals, table.open, {
        embed: (images, as, options) => pipeline.embed(images, as, options),
        role,
        root: pipeline.path('.'),
        folder: table.folder,
        except: pipeline.ownFolders,
        ...operation,
      })
      output.finish()
      const { space, dim } = await pipeline.model()
      output.result({ file: path.resolve(args.out), format: table.format, space, dim, ...done })
      const skipped = done.skipped > 0 ? `, ${done.skipped} skipped` : ''
      if (!table.toStdout) output.print(`${args.out}: ${done.images} x ${dim} numbers of ${space}${skipped}`)
    })
  },
})
