import { commonArgs, configArgs, defineCommand } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
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
    const { output, operation } = context
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const store = await pipeline.gallery()
      const model = await pipeline.model()
      const result = await upgradeGallery(store, model, { ...operation, engine: await pipeline.engine() })
      output.finish()
      output.result({ gallery: store.name, space: model.space, ...result })
      const place = placeOf(store.name)
      output.print(
        result.changed
          ? `${place}: ${result.images} images, now for ${model.space}`
          : `${place}: already made for this model, nothing to do`,
      )
    })
  },
})
