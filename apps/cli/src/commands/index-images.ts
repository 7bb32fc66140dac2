import path from 'node:path'
import { isLookalikeError, LookalikeError, toWarning } from '@lookalike/core'
import { type Gallery, type GalleryItem, openGallery } from '@lookalike/gallery'
import { hashImage } from '@lookalike/image'
import { type Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { requestOfEntry, toGallerySource } from '../gallery/gallery-source.js'
import { type IndexImage, imagesOfDataset, imagesOfPaths } from '../gallery/images-to-index.js'
import { openProject, withModel, withPipeline } from '../open-project.js'

/** Images embedded and written at a time: what a crash may cost. */
const CHUNK = 128

export const indexImages = defineCommand({
  name: 'index',
  description: 'Embed images into a gallery. Unchanged images cost nothing, changed ones are replaced.',
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
      description: "Embed with this model instead of the config's encoder or combiner.",
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
    const { output, positionals } = context
    const project = await openProject(args.config, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline) => {
      const { images, unread } =
        positionals.length > 0
          ? await imagesOfPaths(positionals, output.warn)
          : { images: await imagesOfDataset(pipeline), unread: [] }
      if (images.length === 0)
        throw new LookalikeError('cli/no-images', {
          problem: 'There is nothing to index',
          expected: 'image files (jpg, png, webp, avif, tiff, gif, svg)',
          fix: 'Name a folder of images, or a dataset in the config.',
        })
      const model = await pipeline.model()
      const folder = pipeline.path(pipeline.config.gallery)
      const gallery = await openGallery(folder, {
        space: model.space,
        dim: model.dim,
        engine: await pipeline.engine(),
        ...(model.members && { members: model.members }),
        onWarning: output.warn,
      })
      try {
        for (const warning of gallery.warnings) output.warn(warning)
        const counts = await addAll(gallery, images, pipeline, context)
        const removed = args.prune === true ? await prune(gallery, images, unread) : 0
        await indexForRerankers(gallery, pipeline, context)
        const summary = { gallery: folder, images: gallery.size, ...counts, removed }
        output.finish()
        output.result(summary)
        const parts = [
          `${counts.added} added`,
          `${counts.replaced} replaced`,
          `${counts.unchanged} unchanged`,
          ...(removed > 0 ? [`${removed} removed`] : []),
          ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
        ]
        output.print(
          `${path.relative('.', folder) || '.'}: ${gallery.size} ${gallery.size === 1 ? 'image' : 'images'} (${parts.join(', ')})`,
        )
      } finally {
        await gallery.close()
      }
    })
  },
})

async function addAll(
  gallery: Gallery,
  images: readonly IndexImage[],
  pipeline: Pipeline,
  { output, signal }: CommandContext,
) {
  const counts = { added: 0, replaced: 0, unchanged: 0, skipped: 0 }
  for (let start = 0; start < images.length; start += CHUNK) {
    signal.throwIfAborted()
    const fresh: (IndexImage & { hash: string })[] = []
    for (const image of images.slice(start, start + CHUNK)) {
      const hash = await hashOf(image, pipeline, output.warn)
      if (hash === undefined) counts.skipped++
      else if (gallery.has(image.id, hash)) counts.unchanged++
      else fresh.push({ ...image, hash })
    }
    if (fresh.length > 0) {
      const embedded = await pipeline.embed(
        fresh.map(({ request }) => request),
        'gallery',
        { signal, onWarning: output.warn },
      )
      const kept = Array.from(embedded.positions, (position) => fresh[position]!)
      for (const { id } of kept) counts[gallery.get(id) ? 'replaced' : 'added']++
      counts.skipped += fresh.length - kept.length
      const items = kept.map((image, row) => itemOf(image, gallery.folder, embedded.uncertainty?.[row]))
      if (items.length > 0)
        await gallery.add(items, {
          embeddings: embedded.embeddings,
          ...(embedded.members && { members: embedded.members }),
        })
    }
    output.progress({
      phase: 'index',
      done: Math.min(images.length, start + CHUNK),
      total: images.length,
      unit: 'image',
    })
  }
  return counts
}

async function hashOf(
  { request }: IndexImage,
  pipeline: Pipeline,
  onWarning: CommandContext['output']['warn'],
): Promise<string | undefined> {
  const { onCorrupt, maxBytes } = pipeline.config.images
  try {
    return await hashImage(request, maxBytes === undefined ? {} : { maxBytes })
  } catch (error) {
    if (onCorrupt === 'fail' || !isLookalikeError(error)) throw error
    onWarning(toWarning(error))
    return undefined
  }
}

function itemOf(
  { id, hash, request, metadata }: IndexImage & { hash: string },
  folder: string,
  uncertainty: number | undefined,
): GalleryItem {
  const source = toGallerySource(request.source, folder)
  return {
    id,
    hash,
    metadata,
    ...(source !== undefined && { source }),
    ...(request.box && { box: request.box }),
    ...(uncertainty !== undefined && { uncertainty }),
  }
}

/** What lies in a folder that could not be read may still be there. */
async function prune(gallery: Gallery, images: readonly IndexImage[], unread: readonly string[]): Promise<number> {
  const wanted = new Set(images.map(({ id }) => id))
  const gone = (id: string) => !wanted.has(id) && !unread.some((start) => id.startsWith(start))
  return gallery.remove(gallery.entries().flatMap(({ id }) => (gone(id) ? [id] : [])))
}

/** Lets the config's rerankers keep what they need of the gallery's images. One that is still to be trained comes later. */
async function indexForRerankers(
  gallery: Gallery,
  pipeline: Pipeline,
  { output, signal }: CommandContext,
): Promise<void> {
  const rerankers = await pipeline.rerankers().catch((error: unknown) => {
    if (!isLookalikeError(error, 'reranker/model-missing')) throw error
    output.warn(toWarning(error))
    return []
  })
  const images = gallery.entries().flatMap((entry) => {
    const request = requestOfEntry(entry, gallery.folder)
    return request ? [{ ...request, hash: entry.hash }] : []
  })
  for (const reranker of rerankers)
    await reranker.index?.(
      { folder: gallery.folder, images },
      { signal, onProgress: output.progress, onWarning: output.warn },
    )
}
