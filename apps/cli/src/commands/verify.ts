import { verifyGallery } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { withGallery } from '../gallery/with-gallery.js'
import { openProject, withPipeline } from '../open-project.js'
import { printable } from '../terminal/printable.js'

export const verify = defineCommand({
  name: 'verify',
  args: {
    contents: { type: 'boolean', description: 'Read the pictures too, and say which have changed since.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike verify', 'checksums of all vectors, and whether every picture is there'],
    ['lookalike verify --contents', 'and whether it still is the same picture'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const project = await openProject(args, context.overrides)
    return withPipeline(project, context, (pipeline) =>
      withGallery(pipeline, 'read', output, async ({ gallery, imageOf, place }) => {
        const found = await verifyGallery(gallery, {
          imageOf,
          contents: args.contents === true,
          ...operation,
        })
        output.finish()
        const { missing, changed, notAllowed } = found
        const sound = missing.length + changed.length + notAllowed.length === 0
        output.result({ gallery: gallery.name, sound, ...found })
        for (const id of missing) output.print(`missing: ${printable(id)}`)
        for (const id of changed) output.print(`changed: ${printable(id)}`)
        for (const id of notAllowed) output.print(`elsewhere than the config allows: ${printable(id)}`)
        const parts = [
          `${found.images} images, vectors whole`,
          ...(found.elsewhere > 0 ? [`${found.elsewhere} without a file on this disk`] : []),
          `${missing.length} pictures missing`,
          ...(args.contents ? [`${changed.length} changed`] : []),
        ]
        output.print(`${place}: ${parts.join(', ')}`)
        return sound ? EXIT.ok : EXIT.failure
      }),
    )
  },
})
