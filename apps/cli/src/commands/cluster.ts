import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { clusterImages, clusterName, clustersCsv, type ImageClusters, placeClusters } from '@lookalike/gallery'
import { writeWhole } from '@lookalike/pipeline'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { withGallery } from '../gallery/with-gallery.js'
import { openProject, withPipeline } from '../open-project.js'
import { numberOption } from '../terminal/numbers.js'
import { renderTable } from '../terminal/render-table.js'

/** Clusters listed on the terminal. */
const LISTED = 40

export const cluster = defineCommand({
  name: 'cluster',
  args: {
    clusters: {
      type: 'string',
      alias: 'k',
      valueHint: 'number',
      description: 'How many. Default: the number that fits best of several that are tried.',
    },
    out: {
      type: 'string',
      alias: 'o',
      valueHint: 'folder',
      description: 'Copy the images into a folder for each cluster, in this new folder.',
    },
    link: { type: 'boolean', description: 'Make links in the folders rather than copies.' },
    csv: { type: 'string', valueHint: 'file', description: 'Write a table: cluster, id, distance, label.' },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with the most typical pictures of each.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike cluster', 'how many kinds of pictures the gallery has'],
    ['lookalike cluster -k 12 --out sorted', 'twelve folders of pictures that look alike'],
    ['lookalike cluster --csv clusters.csv --html clusters.html', 'as a table, and as a page'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const k =
      args.clusters === undefined
        ? undefined
        : numberOption('clusters', args.clusters, 'a whole number above 0', (n) => Number.isInteger(n) && n > 0)
    if (args.link && args.out === undefined)
      throw new LookalikeError('cli/value', { problem: '--link came without --out', expected: '--out=folder as well' })
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, (pipeline) =>
      withGallery(pipeline, 'read', output, async ({ gallery, imageOf, place }) => {
        const found = await clusterImages(gallery, { k, seed: pipeline.config.seed, ...operation })
        const placed =
          args.out === undefined
            ? undefined
            : await placeClusters(found, args.out, { imageOf, as: args.link ? 'link' : 'copy', ...operation })
        output.finish()
        if (args.csv !== undefined) await writeWhole(path.resolve(args.csv), clustersCsv(found))
        if (args.html !== undefined) {
          const { renderClusters } = await import('../report/render-clusters.js')
          const file = path.resolve(args.html)
          await writeWhole(file, await renderClusters(found, imageOf, path.dirname(file), pipeline.config.images))
        }
        output.result({
          gallery: gallery.name,
          images: found.images,
          silhouette: found.silhouette,
          tried: found.tried,
          clusters: found.clusters.map(({ images }, at) => ({
            name: clusterName(at, found.clusters.length),
            images: images.map(({ entry, distance }) => ({ id: entry.id, distance })),
          })),
          folder: placed?.folder,
          left: placed?.left,
        })
        const rows = found.clusters
          .slice(0, LISTED)
          .map(({ images }, at) => [clusterName(at, found.clusters.length), String(images.length), images[0]!.entry.id])
        output.print(renderTable(['cluster', 'images', 'most typical'], rows, [1]))
        if (found.clusters.length > LISTED) output.print(`and ${found.clusters.length - LISTED} more`)
        output.print()
        const { length } = found.clusters
        output.print(
          `${place}: ${found.images} images in ${length} ${length === 1 ? 'cluster' : 'clusters'}, silhouette ${found.silhouette.toFixed(3)}`,
        )
        if (k === undefined) output.print(aboutNumber(found))
        for (const file of [args.csv, args.html]) if (file !== undefined) output.print(`Wrote ${file}`)
        if (placed) output.print(`${placed.images} images ${args.link ? 'linked' : 'copied'} into ${args.out}`)
        for (const id of placed?.left ?? []) output.note(`Left out: ${id} (no file on this disk)`)
      }),
    )
  },
})

/** Where the number comes from: it is easily another one than people would choose. */
function aboutNumber({ tried, clusters }: ImageClusters): string {
  const labels = new Set(clusters.flatMap(({ images }) => images.map(({ entry }) => entry.metadata?.label)))
  const classes = [...labels].filter((label) => label !== undefined && label !== '').length
  const own = classes > 1 ? ` The images have ${classes} classes: -k ${classes} makes as many.` : ''
  return `Of ${tried.map((one) => one.k).join(', ')} this number has the best silhouette, which need not be the one you want: -k sets another.${own}`
}
