import {
  createEmbeddings,
  createRandom,
  dotRows,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  LookalikeError,
  norm,
  type OperationOptions,
  rowOf,
  selectRows,
} from '@lookalike/core'
import { entriesOf, nameOf, vectorsOf } from '../care/reading.js'
import { type Clustering, kMeans, silhouette } from './k-means.js'

export interface ClusterImagesOptions extends OperationOptions {
  /** Number of clusters. Default: the one of several that fits best, by the silhouette. */
  readonly k?: number | undefined
  /** Default 0. */
  readonly seed?: number | undefined
}

export interface ClusteredImage {
  readonly entry: GalleryEntry
  /** From the centre of its cluster; 0 to 2. */
  readonly distance: number
}

export interface ImageCluster {
  /** The most typical one first. */
  readonly images: readonly ClusteredImage[]
}

export interface ImageClusters {
  readonly images: number
  /** How well images lie in their clusters, from -1 to 1. */
  readonly silhouette: number
  /** Numbers of clusters that were tried, and how well they fit. */
  readonly tried: readonly { readonly k: number; readonly silhouette: number }[]
  /** The largest first. */
  readonly clusters: readonly ImageCluster[]
}

/** Images that a number of clusters is chosen on, at most. Ours. */
const SAMPLE = 2000
const MOST_CLUSTERS = 256
/** Each number of clusters that is tried is so many times the one before. */
const STEP = 1.5

/**
 * Groups of a gallery's images that look alike, by k-means on their embeddings. Rejected images are left out.
 *
 * @throws `cluster/k` for a number of clusters that the gallery has not images for
 *
 * @example
 * const { clusters } = await clusterImages(gallery, { k: 12 })
 */
export async function clusterImages(gallery: Gallery, options: ClusterImagesOptions = {}): Promise<ImageClusters> {
  const { seed = 0, signal, onProgress } = options
  const entries = await entriesOf(gallery, { rejected: false, signal })
  checkNumber(options.k, entries.length, nameOf(gallery))
  const found = await vectorsOf(gallery, entries)
  const embeddings = createEmbeddings({ ...found, role: 'any' })
  const tried = options.k === undefined ? await tryNumbers(embeddings, seed, { signal, onProgress }) : []
  const best = tried.reduce((a, b) => (b.silhouette > a.silhouette ? b : a), tried[0] ?? { k: 1, silhouette: 0 })
  signal?.throwIfAborted()
  const clustering = await kMeans(embeddings, options.k ?? best.k, seed)
  return {
    images: entries.length,
    silhouette: silhouette(embeddings, clustering),
    tried,
    clusters: clustersOf(entries, embeddings, clustering),
  }
}

async function tryNumbers(embeddings: Embeddings, seed: number, { signal, onProgress }: OperationOptions) {
  const order = createRandom(`${seed}/clusters`).permutation(embeddings.rows)
  const sample = selectRows(embeddings, order.subarray(0, SAMPLE).toSorted())
  const numbers: number[] = []
  for (let k = 2; k <= Math.min(MOST_CLUSTERS, sample.rows / 2); k = Math.ceil(k * STEP)) numbers.push(k)
  const tried: { k: number; silhouette: number }[] = []
  for (const k of numbers) {
    // k-means computes on this thread: an interruption has its turn in between.
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
    tried.push({ k, silhouette: silhouette(sample, await kMeans(sample, k, seed)) })
    onProgress?.({ phase: 'choose', done: tried.length, total: numbers.length, unit: 'clustering' })
  }
  return tried
}

function clustersOf(
  entries: readonly GalleryEntry[],
  embeddings: Embeddings,
  { clusters, centres, k }: Clustering,
): ImageCluster[] {
  const order = new Map(entries.map((entry, row) => [entry, row]))
  const groups: ClusteredImage[][] = Array.from({ length: k }, () => [])
  for (const [row, entry] of entries.entries()) {
    const cluster = clusters[row]!
    const length = norm(rowOf(embeddings, row)) || 1
    const similarity = dotRows(embeddings.data, row, centres, cluster, embeddings.dim) / length
    groups[cluster]!.push({ entry, distance: Math.max(0, 1 - similarity) })
  }
  return groups
    .filter((images) => images.length > 0)
    .map((images) => ({
      images: images.sort((a, b) => a.distance - b.distance || order.get(a.entry)! - order.get(b.entry)!),
    }))
    .sort(
      (a, b) => b.images.length - a.images.length || order.get(a.images[0]!.entry)! - order.get(b.images[0]!.entry)!,
    )
}

function checkNumber(k: number | undefined, images: number, folder: string): void {
  if (k === undefined ? images >= 4 : Number.isInteger(k) && k >= 1 && k <= images) return
  throw new LookalikeError(
    'cluster/k',
    {
      problem:
        k === undefined
          ? `${folder} has ${images} images, too few to choose a number of clusters`
          : `${k} clusters were asked for`,
      expected: k === undefined ? 'four or more' : `a whole number from 1 to ${images}, the images of ${folder}`,
    },
    { fields: { k, images } },
  )
}
