import { isLookalikeError, LookalikeError, toWarning } from '@lookalike/core'
import { type Indexed, parseShard, type Shard, shardFolder } from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand, modelArgs } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
import { loadQueue } from '../load-queue.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'

export const indexImages = defineCommand({
  name: 'index',
  args: {
    images: {
      type: 'positional',
      required: false,
      description: "Image files, folders, or s3://bucket/prefix. Default: the gallery images of the config's dataset.",
    },
    prune: { type: 'boolean', description: 'Remove images from the gallery that are no longer among the given ones.' },
    watch: {
      type: 'boolean',
      alias: 'w',
      description: 'Stay, and follow what is added, changed and deleted, until Ctrl-C.',
    },
    shard: {
      type: 'string',
      valueHint: 'i/n',
      description:
        'Index part i of n of the images, counted from 1, for a scheduler that runs all parts on machines of its own. "merge" puts them together.',
    },
    queue: {
      type: 'string',
      valueHint: 'redis://host',
      description:
        'Share the images out to the workers at this queue, wait for them, and put together what they make: see "work".',
    },
    ...modelArgs,
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike index', 'the dataset of the config in this folder'],
    ['lookalike index ./photos --gallery=./photos.gallery', 'a folder, without any config'],
    ['lookalike index ./photos --prune', 'again, after images were added, changed and deleted'],
    ['lookalike index ./photos --watch', 'and go on following the folder'],
    ['lookalike index ./photos --shard=3/16', 'one of sixteen parts, as a gallery of its own beside the gallery'],
    ['lookalike index ./photos --queue=redis://localhost', 'by the workers at a queue, wherever they are'],
    ['lookalike index s3://shop/photos/', 'objects of a bucket; needs @aws-sdk/client-s3'],
    ['lookalike index ./photos --index=usearch', 'with an approximate index, built and kept beside the gallery'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, operation, positionals } = context
    const project = await openProject(args, withModel(context.overrides, args.model))
    const paths = positionals.length > 0 ? positionals : undefined
    if (args.watch) checkWatched(paths)
    const shard = args.shard === undefined ? undefined : parseShard(args.shard)
    checkAlone(args)
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      await indexOnce(pipeline, paths, { prune: args.prune === true, shard, queue: args.queue }, context)
      if (!args.watch || !paths) return
      const { watchImages } = await import('@lookalike/gallery')
      output.note(`Following ${paths.join(', ')} (Ctrl-C ends)`)
      const options = { signal: operation.signal, except: pipeline.ownFolders }
      const follow = () =>
        indexOnce(pipeline, paths, { prune: true }, context).catch((error: unknown) => {
          // A folder that is empty for now, or holds nothing that can be read yet, is no reason to stop.
          if (!isLookalikeError(error) || !error.code.startsWith('index/')) throw error
          output.warn(toWarning(error))
        })
      await watchImages(paths, follow, options)
    })
  },
})

interface HowToIndex {
  readonly prune?: boolean | undefined
  readonly shard?: Shard | undefined
  readonly queue?: string | undefined
}

async function indexOnce(
  pipeline: Pipeline,
  paths: readonly string[] | undefined,
  how: HowToIndex,
  context: CommandContext,
): Promise<void> {
  const { output } = context
  const { skipped, leftOut, ...counts } = await indexAs(pipeline, paths, how, context)
  const { shard } = how
  const { name, folder } = await pipeline.gallery()
  const gallery = shard && folder !== undefined ? shardFolder(folder, shard) : name
  output.finish()
  output.result({
    gallery,
    shard,
    ...counts,
    skipped: skipped.length,
    skippedImages: skipped,
    leftOut,
  })
  // Workers' warnings are not seen here.
  if (how.queue !== undefined) for (const { id, message } of skipped) output.note(`skipped ${id}: ${message}`)
  const parts = [
    `${counts.added} added`,
    `${counts.replaced} replaced`,
    ...(counts.updated > 0 ? [`${counts.updated} updated`] : []),
    `${counts.unchanged} unchanged`,
    ...(counts.removed > 0 ? [`${counts.removed} removed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ]
  const size = `${counts.images} ${counts.images === 1 ? 'image' : 'images'}`
  output.print(`${placeOf(gallery)}: ${size} (${parts.join(', ')})`)
}

async function indexAs(
  pipeline: Pipeline,
  paths: readonly string[] | undefined,
  { prune, shard, queue }: HowToIndex,
  { operation }: CommandContext,
): Promise<Indexed> {
  if (queue !== undefined) {
    const { indexWithWorkers } = await loadQueue()
    return { removed: 0, ...(await indexWithWorkers(pipeline, paths, { ...operation, queue })) }
  }
  // Whoever types an address may name any.
  return pipeline.index(paths, { ...operation, prune, shard, urls: paths && 'any' })
}

/** A shard knows neither the other images nor when they change, and neither do workers. */
function checkAlone(args: Readonly<Record<string, unknown>>): void {
  const part = ['shard', 'queue'].find((name) => args[name] !== undefined)
  const other = ['queue', 'prune', 'watch'].find((name) => args[name] && name !== part)
  if (part === undefined || other === undefined) return
  throw new LookalikeError('cli/conflicting-options', {
    problem: `--${part} and --${other} do not go together`,
    expected: 'one of them',
    fix: other === 'queue' ? undefined : `When all images are in the gallery: lookalike index --${other}`,
  })
}

function checkWatched(paths: readonly string[] | undefined): void {
  const wrong = paths?.find((given) => /^(https?|s3):/i.test(given))
  if (paths && wrong === undefined) return
  throw new LookalikeError('cli/value', {
    problem: wrong === undefined ? '--watch came without a folder' : `--watch cannot follow ${wrong}`,
    expected: 'folders or image files on this disk: lookalike index ./photos --watch',
  })
}
