import type { Gallery } from '@lookalike/core'
import { mergeGalleries, openGallery } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
import { openProject, withPipeline } from '../open-project.js'
import { choiceOption } from '../terminal/numbers.js'

export const merge = defineCommand({
  name: 'merge',
  args: {
    galleries: {
      type: 'positional',
      description: 'Folders of the galleries to take images from; they stay as they are.',
    },
    'on-clash': {
      type: 'string',
      valueHint: 'fail|keep|replace',
      default: 'fail',
      description: 'What happens where two galleries have different images under one id.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike merge north.gallery south.gallery --gallery=./all.gallery', 'two galleries of one model into a third'],
    ['lookalike merge newer.gallery --on-clash=replace', "into the config's gallery; the newer image wins"],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, signal, positionals } = context
    const onClash = choiceOption('on-clash', args['on-clash'], ['fail', 'keep', 'replace'])
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const opened: Gallery[] = []
      try {
        for (const folder of positionals)
          opened.push(await openGallery(folder, { mode: 'read', onWarning: output.warn }))
        const { space, dim, members } = opened[0]!
        const into = await (await pipeline.gallery()).open({
          space,
          dim,
          members,
          root: opened[0]!.root,
          engine: await pipeline.engine(),
          onWarning: output.warn,
        })
        opened.push(into)
        const counts = await mergeGalleries(into, opened.slice(0, -1), { onClash, signal, onProgress: output.progress })
        output.finish()
        const images = await into.count()
        output.result({ gallery: into.name, images, ...counts })
        output.print(
          `${placeOf(into.name)}: ${images} images (${counts.added} added, ${counts.replaced} replaced, ${counts.unchanged} unchanged, ${counts.kept} kept as they were)`,
        )
      } finally {
        for (const gallery of opened.reverse()) await gallery.close()
      }
    })
  },
})
