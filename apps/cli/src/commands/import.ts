import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { importVectors, readTable } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
import { openProject, withPipeline } from '../open-project.js'

export const importCommand = defineCommand({
  name: 'import',
  args: {
    file: {
      type: 'positional',
      required: true,
      valueHint: 'file',
      description: 'An .npy file with its ids, a .parquet file with the columns id and vector, or JSON lines.',
    },
    ids: {
      type: 'string',
      valueHint: 'file',
      description:
        'Of an .npy file: one id a row, as lines of text or JSON. Default: <name>.ids.jsonl or <name>.ids.txt.',
    },
    space: {
      type: 'string',
      valueHint: 'text',
      description:
        'What made the vectors, where the file does not say so: "config" for the config\'s model, or any name of your own.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike import vectors.parquet --gallery=./shop.gallery', 'what "export" or "embed" wrote'],
    ['lookalike import faiss.npy --ids names.txt --space my-model --gallery=./old', 'vectors of another program'],
    ['lookalike import vectors.npy --space config', "made by the config's model elsewhere: searchable at once"],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const store = await pipeline.gallery()
      const blocks = readTable(args.file, { ids: args.ids })
      const first = await blocks.next()
      if (first.done)
        throw new LookalikeError(
          'import/empty',
          { problem: `${args.file} has no rows` },
          { fields: { file: args.file } },
        )
      const { dim, space: said } = first.value
      const given = args.space === 'config' ? (await pipeline.model()).space : args.space
      if (said !== undefined && given !== undefined && said !== given) throw otherSpace(args.file, said, given)
      const space = said ?? given
      if (space === undefined) throw noSpace(args.file)
      const gallery = await store.open({
        space,
        dim,
        root: pipeline.path('.'),
        engine: await pipeline.engine(),
        signal: operation.signal,
        onWarning: output.warn,
      })
      try {
        const all = async function* () {
          yield first.value
          yield* blocks
        }
        const counts = await importVectors(gallery, all(), {
          folder: path.dirname(args.file),
          ...operation,
        })
        output.finish()
        output.result({ gallery: store.name, space, dim, ...counts })
        output.print(
          `${placeOf(store.name)}: ${counts.added} added, ${counts.replaced} replaced, ${counts.unchanged} unchanged`,
        )
      } finally {
        await gallery.close()
      }
    })
  },
})

const noSpace = (file: string) =>
  new LookalikeError(
    'import/no-space',
    {
      problem: `${file} does not say what made its vectors, and vectors of different models must not meet`,
      fix: 'Say it with --space: config, where it was the model of this config, or a name of your own.',
    },
    { fields: { file } },
  )

const otherSpace = (file: string, said: string, given: string) =>
  new LookalikeError(
    'import/space',
    { problem: `${file} says that ${said} made its vectors, and --space says ${given}`, expected: 'one of them' },
    { fields: { file, said, given } },
  )
