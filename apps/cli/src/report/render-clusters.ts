import type { GalleryEntry, ImageLimits, ImageRequest } from '@lookalike/core'
import { clusterName, type ImageClusters } from '@lookalike/gallery'
import { formatDistance } from '../terminal/format.js'
import { breakable, type Html, html } from './html.js'
import { linkTo } from './link.js'
import { page } from './page.js'
import { createPictures } from './pictures.js'

/** Edge of a picture, pixels; shown at half of it, for sharp screens. */
const EDGE = 240
/** Pictures of a cluster. */
const SHOWN = 12

/** Clusters as one page: the most typical pictures of each. Links to files start at `folder`, where the page will lie. */
export async function renderClusters(
  { clusters, images, silhouette }: ImageClusters,
  imageOf: (entry: GalleryEntry) => ImageRequest | undefined,
  folder: string,
  limits: ImageLimits = {},
): Promise<string> {
  const pictures = createPictures(EDGE, limits)
  const sections: Html[] = []
  for (const [at, cluster] of clusters.entries()) {
    const tiles: Html[] = []
    for (const { entry, distance } of cluster.images.slice(0, SHOWN)) {
      const image = imageOf(entry)
      const link = (content: unknown) => linkTo(image?.source, folder, content)
      const picture = await pictures.picture(entry.id, image, entry.id)
      tiles.push(
        html`<figure class="pic"><div class="box">${link(picture)}</div><figcaption class="whole">${formatDistance(distance, 3)}<br><small>${link(breakable(entry.id))}</small></figcaption></figure>`,
      )
    }
    const more = cluster.images.length - tiles.length
    sections.push(
      html`<section><h2>${clusterName(at, clusters.length)}: ${cluster.images.length} ${cluster.images.length === 1 ? 'image' : 'images'}</h2><div class="tiles">${tiles}</div>${more > 0 && html`<p class="soft">and ${more} more</p>`}</section>`,
    )
  }
  return page(
    'Clusters',
    html`<header><h1>Clusters</h1><p class="soft">${images} images in ${clusters.length} clusters, the largest first; of each the most typical pictures, with their distance from its centre. Silhouette: ${silhouette.toFixed(3)} (from -1 to 1: how well images lie in their clusters).</p></header>${sections}<footer>Written by Lookalike.</footer>`,
  )
}
