import { createRandom, dotRows, type Embeddings, norm, rowOf } from '@lookalike/core'

export interface Clustering {
  /** The cluster of each row, from 0. */
  readonly clusters: Int32Array
  /** Row-major, one of length 1 a cluster. */
  readonly centres: Float32Array
  readonly k: number
}

/** Rounds at most; it ends before when nothing moves. */
const ROUNDS = 100

/**
 * k-means on directions: rows are made of length 1 first, so that what is near is what a search finds near. Seeded; the beginning is k-means++.
 * By the library ml-kmeans.
 */
export async function kMeans(embeddings: Embeddings, k: number, seed: number): Promise<Clustering> {
  const { kmeans } = await import('ml-kmeans')
  const { rows, dim } = embeddings
  const points = unitPoints(embeddings)
  const options = { seed: createRandom(`${seed}/k-means`).integer(2 ** 31), maxIterations: ROUNDS }
  const { clusters, centroids } = kmeans(points, k, options)
  const centres = new Float32Array(k * dim)
  for (const [at, centre] of centroids.entries()) {
    const length = norm(centre) || 1
    for (const [d, value] of centre.entries()) centres[at * dim + d] = value / length
  }
  return { clusters: Int32Array.from(clusters.slice(0, rows)), centres, k }
}

function unitPoints(embeddings: Embeddings): number[][] {
  return Array.from({ length: embeddings.rows }, (_, row) => {
    const values = rowOf(embeddings, row)
    const length = norm(values) || 1
    return Array.from(values, (value) => value / length)
  })
}

/**
 * How well rows lie in their clusters, from -1 to 1: the simplified silhouette (Hruschka, de Castro and Campello, 2004), by distances to centres rather
 * than to all rows. Rows alone in their cluster count 0.
 */
export function silhouette(embeddings: Embeddings, { clusters, centres, k }: Clustering): number {
  const { data, rows, dim } = embeddings
  const sizes = new Int32Array(k)
  for (const cluster of clusters) sizes[cluster]!++
  let sum = 0
  for (let row = 0; row < rows; row++) {
    const own = clusters[row]!
    if (sizes[own]! < 2) continue
    const length = norm(rowOf(embeddings, row)) || 1
    let nearest = Number.POSITIVE_INFINITY
    for (let other = 0; other < k; other++)
      if (other !== own && sizes[other]! > 0)
        nearest = Math.min(nearest, 1 - dotRows(data, row, centres, other, dim) / length)
    const inside = 1 - dotRows(data, row, centres, own, dim) / length
    if (nearest < Number.POSITIVE_INFINITY) sum += (nearest - inside) / (Math.max(nearest, inside) || 1)
  }
  return sum / rows
}
