import path from 'node:path'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { upgradeGallery } from '../gallery/upgrade-gallery.js'
import { openProject, withPipeline } from '../open-project.js'

export const upgrade = defineCommand({
  name: 'upgrade',
  args: { ...configArgs, ...commonArgs },
  examples: [
    ['lookalike upgrade', 'after new transforms were trained; the old gallery serves until the switch'],
    ['lookalike upgrade --combiner.folder=runs/newer', 'with the transforms of another run'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, signal } = context
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const folder = pipeline.path(pipeline.config.gallery)
      const model = await pipeline.model()
      const result = await upgradeGallery(folder, model, {
        signal,
        onProgress: output.progress,
        engine: await pipeline.engine(),
      })
      output.finish()
      output.result({ gallery: folder, space: model.space, ...result })
      const place = path.relative('.', folder) || '.'
      output.print(
        result.changed
          ? `${place}: ${result.images} images, now for ${model.space}`
          : `${place}: already made for this model, nothing to do`,
      )
    })
  },
})
