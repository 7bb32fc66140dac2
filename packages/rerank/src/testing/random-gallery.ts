import {
  createEmbeddings,
  createRandom,
  createRanking,
  type Embeddings,
  type GalleryView,
  type Ranking,
  type RerankRequest,
  selectRows,
} from '@lookalike/core'

/** Unit vectors in `classes` loose clusters; another `draw` gives other vectors in the same clusters. */
export function clusteredVectors(
  rows: number,
  dim: number,
  classes: number,
  seed: number,
  draw = 'gallery',
): Embeddings {
  const centre = createRandom(seed)
  const centres = Array.from({ length: classes * dim }, () => centre.normal())
  const random = centre.fork(draw)
  const data = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    const vector = Array.from({ length: dim }, (_, d) => centres[(row % classes) * dim + d]! + 0.9 * random.normal())
    const length = Math.hypot(...vector)
    vector.forEach((value, d) => (data[row * dim + d] = value / length))
  }
  return createEmbeddings({ data, rows, dim, space: 'test', role: 'any' })
}

export function inner(a: Embeddings, i: number, b: Embeddings, j: number): number {
  let sum = 0
  for (let d = 0; d < a.dim; d++) sum += a.data[i * a.dim + d]! * b.data[j * b.dim + d]!
  return sum
}

/** Every gallery row by its distance from a row of `queries`. */
export function rankAll(queries: Embeddings, row: number, gallery: Embeddings, k = gallery.rows): Ranking {
  const order = Array.from({ length: gallery.rows }, (_, i) => ({
    i,
    d: Math.fround(1 - inner(queries, row, gallery, i)),
  }))
    .sort((a, b) => a.d - b.d || a.i - b.i)
    .slice(0, k)
  return createRanking(
    Int32Array.from(order, ({ i }) => i),
    Float32Array.from(order, ({ d }) => d),
  )
}

export function viewOf(gallery: Embeddings): GalleryView {
  return {
    embeddings: gallery,
    nearest: async (queries, k) => Array.from({ length: queries.rows }, (_, row) => rankAll(queries, row, gallery, k)),
  }
}

export function requestOf(
  query: Embeddings,
  row: number,
  gallery: Embeddings,
  topN: number,
  length = gallery.rows,
): RerankRequest {
  const ranking = rankAll(query, row, gallery, length)
  return {
    ranking,
    query: selectRows(query, [row]),
    candidates: selectRows(gallery, ranking.positions.subarray(0, topN)),
  }
}
