import path from 'node:path'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'

export const indexImages = defineCommand({
  name: 'index',
  args: {
    images: {
      type: 'positional',
      required: false,
      description: "Image files or folders. Default: the gallery images of the config's dataset.",
    },
    prune: { type: 'boolean', description: 'Remove images from the gallery that are no longer among the given ones.' },
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description: "Embed with this model instead of the config's encoder.",
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike index', 'the dataset of the config in this folder'],
    ['lookalike index ./photos --gallery=./photos.gallery', 'a folder, without any config'],
    ['lookalike index ./photos --prune', 'again, after images were added, changed and deleted'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, signal, positionals } = context
    const project = await openProject(args, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const { skipped, leftOut, ...counts } = await pipeline.index(positionals.length > 0 ? positionals : undefined, {
        prune: args.prune === true,
        // Whoever types an address may name any.
        ...(positionals.length > 0 && { urls: 'any' }),
        signal,
        onProgress: output.progress,
        onWarning: output.warn,
      })
      const gallery = pipeline.path(pipeline.config.gallery)
      output.finish()
      output.result({ gallery, ...counts, skipped: skipped.length, skippedImages: skipped, leftOut })
      const parts = [
        `${counts.added} added`,
        `${counts.replaced} replaced`,
        ...(counts.updated > 0 ? [`${counts.updated} updated`] : []),
        `${counts.unchanged} unchanged`,
        ...(counts.removed > 0 ? [`${counts.removed} removed`] : []),
        ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
      ]
      const size = `${counts.images} ${counts.images === 1 ? 'image' : 'images'}`
      output.print(`${path.relative('.', gallery) || '.'}: ${size} (${parts.join(', ')})`)
    })
  },
})
