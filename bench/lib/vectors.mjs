import { createEmbeddings, createRandom } from '@lookalike/core'

/**
 * Unit vectors around random class centres, `perClass` in a row: like the embeddings of images, and unlike pure noise,
 * some are much nearer than others. With `decay`, the nth dimension is n^-decay times as wide as the first, our assumption of
 * what the principal components of embeddings are like; without, all are equally wide, the worst case for approximate search.
 */
export function classVectors({ rows, dim, perClass, seed, noise = 0.8, decay = 0 }) {
  const random = createRandom(seed)
  const data = new Float32Array(rows * dim)
  const centre = new Float32Array(dim)
  const widths = Float64Array.from({ length: dim }, (_, i) => (i + 1) ** -decay)
  const total = Math.hypot(...widths)
  const scale = noise / total
  for (let row = 0; row < rows; row++) {
    if (row % perClass === 0) {
      let norm = 0
      for (let i = 0; i < dim; i++) norm += (centre[i] = random.normal() * widths[i]) ** 2
      for (let i = 0; i < dim; i++) centre[i] /= Math.sqrt(norm)
    }
    let norm = 0
    for (let i = 0; i < dim; i++) norm += (data[row * dim + i] = centre[i] + random.normal() * widths[i] * scale) ** 2
    for (let i = 0; i < dim; i++) data[row * dim + i] /= Math.sqrt(norm)
  }
  return createEmbeddings({ data, rows, dim, space: 'bench', role: 'any' })
}

/** The first rows, not copied. */
export const firstRows = (embeddings, rows) => ({
  ...embeddings,
  rows,
  data: embeddings.data.subarray(0, rows * embeddings.dim),
})

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

export const rounded = (value, digits = 3) => Number(value.toPrecision(digits))
