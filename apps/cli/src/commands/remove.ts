import { LookalikeError } from '@lookalike/core'
import { chooseImages } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { parseFilter } from '../gallery/parse-filter.js'
import { withGallery } from '../gallery/with-gallery.js'
import { openProject, withPipeline } from '../open-project.js'
import { printable } from '../terminal/printable.js'

/** Ids listed on the terminal. */
const LISTED = 20

export const remove = defineCommand({
  name: 'remove',
  args: {
    images: {
      type: 'positional',
      required: false,
      description: 'Ids of images, or paths of their files. The files themselves stay where they are.',
    },
    filter: {
      type: 'string',
      alias: 'f',
      valueHint: 'key=value',
      description:
        'Images whose metadata fit: label=cat|dog,price>=5,price<20; or an object in JSON: {"sold": {"exists": false}}.',
    },
    'dry-run': { type: 'boolean', description: 'Only say which images would go.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike remove photos/cat.jpg', 'one image, by its id or its path'],
    ['lookalike remove --filter label=draft --dry-run', 'which ones would go'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, positionals } = context
    const filter = args.filter === undefined ? undefined : parseFilter(args.filter)
    if (positionals.length === 0 && !filter)
      throw new LookalikeError('cli/missing-argument', {
        problem: 'Nothing says which images are to go',
        expected: 'ids, paths, or --filter',
      })
    const dry = args['dry-run'] === true
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, (pipeline) =>
      withGallery(pipeline, dry ? 'read' : 'write', output, async ({ gallery, place }) => {
        const ids = await chooseImages(gallery, { ids: positionals, filter })
        if (!dry) await gallery.remove(ids)
        output.result({ gallery: gallery.name, removed: ids, dryRun: dry })
        for (const id of ids.slice(0, LISTED)) output.print(printable(id))
        if (ids.length > LISTED) output.print(`and ${ids.length - LISTED} more`)
        output.print(`${place}: ${ids.length} ${ids.length === 1 ? 'image' : 'images'} ${dry ? 'would go' : 'removed'}`)
      }),
    )
  },
})
