import path from 'node:path'
import {
  applyReranker,
  type Embeddings,
  type Filter,
  type ImageRequest,
  LookalikeError,
  type Ranking,
} from '@lookalike/core'
import { type Gallery, type GalleryEntry, openGallery } from '@lookalike/gallery'
import { describeSource } from '@lookalike/image'
import { type Pipeline, writeWhole } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { requestOfEntry } from '../gallery/gallery-source.js'
import { parseFilter } from '../gallery/parse-filter.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { renderSearch, type SearchResult } from '../report/render-search.js'
import { formatDistance } from '../terminal/format.js'
import { renderTable } from '../terminal/render-table.js'

export const search = defineCommand({
  name: 'search',
  description: 'Find the images of a gallery that look most like the given ones.',
  args: {
    image: { type: 'positional', description: 'Paths or URLs of images.' },
    top: { type: 'string', valueHint: 'number', alias: 'k', default: '10', description: 'Results for each image.' },
    filter: {
      type: 'string',
      alias: 'f',
      valueHint: 'key=value',
      description: 'Only images whose metadata fit: label=cat,split=test; several values of a key: label=cat|dog.',
    },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures.' },
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
    ['lookalike search cat.jpg', 'the ten nearest images of the gallery'],
    ['lookalike search cat.jpg dog.jpg -k 5 --html found.html', 'for two images, with pictures'],
    ['lookalike search cat.jpg --filter "split=test" --json', 'among some images only, for a script'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, positionals } = context
    const k = Number(args.top)
    if (!Number.isInteger(k) || k < 1)
      throw new LookalikeError('cli/value', { problem: `--top is ${args.top}`, expected: 'a whole number above 0' })
    const filter = args.filter === undefined ? undefined : parseFilter(args.filter)
    const project = await openProject(args.config, withModel(context.overrides, args.model))
    await withPipeline(project, context, async (pipeline) => {
      const images = positionals.map((source): ImageRequest => ({ source }))
      const model = await pipeline.model()
      const gallery = await openGallery(pipeline.path(pipeline.config.gallery), {
        space: model.space,
        dim: model.dim,
        engine: await pipeline.engine(),
        mode: 'read',
        onWarning: output.warn,
      })
      try {
        if (k > gallery.size)
          output.warn({
            code: 'search/k-too-large',
            message: `--top ${k} is larger than the gallery; all ${gallery.size} images are ranked.`,
            fields: { k, size: gallery.size },
          })
        const { embeddings } = await pipeline.embed(images, 'query', { signal: context.signal, onCorrupt: 'fail' })
        const rankings = await rank(gallery, pipeline, embeddings, images, { k, ...(filter && { filter }) }, context)
        const results = images.map((query, row) => resultOf(query, rankings[row]!, k, gallery))
        output.finish()
        output.result(results.map(jsonOf))
        for (const result of results) {
          output.print(`${describeSource(result.query.source)}`)
          output.print(tableOf(result))
          output.print()
        }
        if (args.html !== undefined) {
          await writeWhole(path.resolve(args.html), await renderSearch(results, model.name))
          output.print(`Wrote ${args.html}`)
        }
      } finally {
        await gallery.close()
      }
    })
  },
})

async function rank(
  gallery: Gallery,
  pipeline: Pipeline,
  queries: Embeddings,
  images: readonly ImageRequest[],
  { k, filter }: { k: number; filter?: Filter },
  { output, signal }: CommandContext,
): Promise<readonly Ranking[]> {
  const rerankers = await pipeline.rerankers()
  const depth = Math.max(k, ...rerankers.map(({ topN }) => topN))
  let rankings = await gallery.rank(queries, depth, { signal, ...(filter && { filter }) })
  if (rerankers.length === 0) return rankings
  const view = await gallery.view({ signal, ...(filter && { filter }) })
  const galleryImages = Array.from({ length: view.embeddings.rows }, (_, position) => {
    const entry = gallery.at(position)
    return entry && requestOfEntry(entry, gallery.folder)
  })
  for (const reranker of rerankers) {
    await reranker.prepare?.(view, { signal, onWarning: output.warn })
    rankings = await applyReranker(
      reranker,
      { rankings, queries, gallery: view, queryImages: images, galleryImages },
      { signal, onWarning: output.warn, onProgress: output.progress },
    )
  }
  return rankings
}

function resultOf(query: ImageRequest, { positions, distances }: Ranking, k: number, gallery: Gallery): SearchResult {
  const hits = Array.from(positions.subarray(0, k), (position, i) => {
    const entry = gallery.at(position) as GalleryEntry
    const image = requestOfEntry(entry, gallery.folder)
    return { entry, distance: distances[i]!, ...(image && { image }) }
  })
  return { query, hits }
}

function jsonOf({ query, hits }: SearchResult) {
  return {
    query: describeSource(query.source),
    results: hits.map(({ entry, distance, image }, i) => ({
      rank: i + 1,
      id: entry.id,
      distance,
      ...(entry.metadata && { metadata: entry.metadata }),
      ...(image && { source: describeSource(image.source) }),
      ...(entry.uncertainty !== undefined && { uncertainty: entry.uncertainty }),
    })),
  }
}

function tableOf({ hits }: SearchResult): string {
  return renderTable(
    ['rank', 'distance', 'label', 'image'],
    hits.map(({ entry, distance }, i) => [
      String(i + 1),
      formatDistance(distance, 4),
      String(entry.metadata?.label ?? ''),
      entry.id,
    ]),
    [0, 1],
  )
}
