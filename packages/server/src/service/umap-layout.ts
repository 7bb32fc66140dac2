import { createRandom, dotRows } from '@lookalike/core'
import { UMAP } from 'umap-js'
import { principalPlane, project } from './principal-plane.js'

/** Distances are compared in at most so many principal components of the vectors, as is usual with UMAP. */
const COMPONENTS = 50
/** UMAP's own default. */
const NEIGHBOURS = 15
/** Rounds of the layout, for any number of images (ours; UMAP's default is 500 for small sets). */
const EPOCHS = 300
/** Neighbours in the sample that place an image which is not of it (ours). */
const ANCHORS = 5

/** A map made of a sample, for all. */
export interface MapLayout {
  /** @param vectors row-major, any number of rows. @returns x and y of each */
  place(vectors: Float32Array): Float32Array
}

/**
 * A map of a sample on which what is near stays near (UMAP: McInnes, Healy & Melville 2018; by umap-js), seeded. Whatever else is placed goes where
 * its nearest images of the sample are: their mean, weighted by the inverse square of the distance.
 *
 * @param sample row-major, rows of `dim` values
 */
export function umapLayout(sample: Float32Array, dim: number): MapLayout {
  const rows = sample.length / dim
  const plane = principalPlane(sample, dim, Math.min(COMPONENTS, dim))
  const inner = plane.axes.length
  const reduced = project(plane, sample, dim)
  const squares = squaresOf(reduced, inner)
  const nearest = (queries: Float32Array, k: number) => nearestRows(queries, reduced, squares, inner, k)
  const places = layOut(rows, nearest(reduced, Math.min(NEIGHBOURS, rows)))
  return {
    place(vectors) {
      const queries = project(plane, vectors, dim)
      const k = Math.min(ANCHORS, rows)
      const { indices, distances } = nearest(queries, k)
      const points = new Float32Array((queries.length / inner) * 2)
      for (let row = 0; row < points.length / 2; row++) {
        let [x, y, sum] = [0, 0, 0]
        for (let j = row * k; j < (row + 1) * k; j++) {
          const weight = 1 / (distances[j]! ** 2 + 1e-9)
          x += weight * places[indices[j]!]![0]!
          y += weight * places[indices[j]!]![1]!
          sum += weight
        }
        points.set([x / sum, y / sum], row * 2)
      }
      return points
    },
  }
}

/** What UMAP makes of the nearest rows of each row, itself among them. */
function layOut(rows: number, { indices, distances }: Nearest): readonly (readonly number[])[] {
  const k = indices.length / rows
  // Too few for a graph of neighbours: side by side.
  if (rows <= 3) return Array.from({ length: rows }, (_, i) => [i, 0])
  const random = createRandom('umap')
  const umap = new UMAP({ nNeighbors: Math.min(k, rows - 1), nEpochs: EPOCHS, random: () => random.next() })
  const lists = (of: ArrayLike<number>) =>
    Array.from({ length: rows }, (_, row) => Array.from({ length: k }, (_, j) => of[row * k + j]!))
  umap.setPrecomputedKNN(lists(indices), lists(distances))
  const epochs = umap.initializeFit(lists(distances))
  for (let epoch = 0; epoch < epochs; epoch++) umap.step()
  return umap.getEmbedding()
}

interface Nearest {
  /** `k` a query, nearest first. */
  readonly indices: Int32Array
  readonly distances: Float32Array
}

function nearestRows(
  queries: Float32Array,
  data: Float32Array,
  squares: Float32Array,
  dim: number,
  k: number,
): Nearest {
  const count = queries.length / dim
  const own = queries === data ? squares : squaresOf(queries, dim)
  const indices = new Int32Array(count * k)
  const distances = new Float32Array(count * k).fill(Infinity)
  for (let row = 0; row < count; row++) {
    const last = (row + 1) * k - 1
    for (let other = 0; other < squares.length; other++) {
      const square = own[row]! + squares[other]! - 2 * dotRows(queries, row, data, other, dim)
      if (square >= distances[last]!) continue
      let at = last
      for (; at > row * k && distances[at - 1]! > square; at--) {
        distances[at] = distances[at - 1]!
        indices[at] = indices[at - 1]!
      }
      distances[at] = square
      indices[at] = other
    }
  }
  for (let i = 0; i < distances.length; i++) distances[i] = Math.sqrt(Math.max(0, distances[i]!))
  return { indices, distances }
}

const squaresOf = (data: Float32Array, dim: number) =>
  Float32Array.from({ length: data.length / dim }, (_, row) => dotRows(data, row, data, row, dim))
