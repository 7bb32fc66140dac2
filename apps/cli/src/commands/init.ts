import { stat } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { CONFIG_FILES, composeJsonSchema, defaultConfig, writeWhole } from '@lookalike/pipeline'
import { commonArgs, defineCommand } from '../command.js'
import { DEFAULTS } from '../defaults.js'
import { describeTrial, tryImages } from '../init/try-images.js'
import { noteEncoder } from '../note-encoder.js'
import { loadRegistry } from '../open-project.js'

export const init = defineCommand({
  name: 'init',
  args: {
    folder: { type: 'positional', required: false, description: 'Where to. Default: the current folder.' },
    images: {
      type: 'string',
      valueHint: 'folder',
      default: './photos',
      description:
        'The folder of your images, one sub-folder a class; from the config. Encoders are measured on some of them.',
    },
    ...commonArgs,
  },
  examples: [
    ['lookalike init', 'in the current folder'],
    ['lookalike init shop --images ../product-photos', 'for the images of another folder'],
  ],
  takesOverrides: false,
  async run(args, context) {
    const { output } = context
    const folder = path.resolve(args.folder ?? '.')
    for (const name of CONFIG_FILES) {
      if (await stat(path.join(folder, name)).catch(() => undefined)) {
        throw new LookalikeError('cli/exists', {
          problem: `${path.join(folder, name)} is there already`,
          fix: 'Change that one, or name another folder.',
        })
      }
    }
    const loaded = defaultConfig(folder, { defaults: DEFAULTS })
    const registry = await loadRegistry(loaded)
    const files = {
      config: path.join(folder, 'lookalike.config.yaml'),
      schema: path.join(folder, 'lookalike.schema.json'),
    }
    await writeWhole(files.schema, `${JSON.stringify(composeJsonSchema(registry, DEFAULTS), null, 2)}\n`)
    await writeWhole(files.config, template(args.images))
    output.print(`Wrote ${files.config} and ${files.schema}.`)
    output.print()
    noteEncoder(output, loaded.config, registry)
    const images = path.resolve(folder, args.images)
    const there = await stat(images).catch(() => undefined)
    if (!there) output.print(`${images} is not there yet, so no encoder was measured.`)
    const tried = there && (await tryImages(folder, args.images, registry, context))
    if (tried) output.print(describeTrial(tried))
    output.result({ ...files, tried: tried ?? null })
    output.print()
    output.print('Next:')
    output.print('  lookalike index                    embed the images into a gallery')
    output.print('  lookalike search some-image.jpg    find its likes')
    if (tried || !there) output.print('  lookalike evaluate                 measure, and write a report with pictures')
  },
})

function template(images: string): string {
  return `# yaml-language-server: $schema=./lookalike.schema.json
# Every key, and every option of every installed plugin: lookalike schema, lookalike plugins.

# One sub-folder a class; "lookalike plugins dataset" lists the other ways to name images.
dataset:
  use: folder
  path: ${JSON.stringify(images)}
  # All classes are measured; give training its share with a smaller number.
  test: 1

# The built-in encoder, for photographs and drawings, needs no download. For drawings alone: mini. Where a model hub can be reached, larger ones:
# dinov2, dino, clip. All: lookalike plugins encoder
encoder: builtin

# Where "lookalike index" keeps the embedded images.
gallery: ./gallery

evaluate:
  ks: [1, 5, 10]
`
}
