import { createRandom, unitRows } from '@lookalike/core'
import { Matrix, QrDecomposition } from 'ml-matrix'
import type { PairedEmbeddings } from '../transforms/transform.js'

/** Unit vectors in clusters, one a class. */
export function clusters(
  rows: number,
  dim: number,
  classes: number,
  seed: number,
  spread = 0.3,
): { data: Float32Array; labels: Int32Array } {
  const random = createRandom(seed)
  const centres = Array.from({ length: classes }, () => Float32Array.from({ length: dim }, () => random.normal()))
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes)
  const data = new Float32Array(rows * dim)
  for (let i = 0; i < data.length; i++)
    data[i] = centres[labels[Math.floor(i / dim)]!]![i % dim]! + spread * random.normal()
  return { data: unitRows(data, dim), labels }
}

/** A random matrix with orthonormal columns (rows >= columns), row-major. */
export function orthonormal(rows: number, columns: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const matrix = new Matrix(Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.normal())))
  return Float32Array.from(
    new QrDecomposition(matrix).orthogonalMatrix.subMatrix(0, rows - 1, 0, columns - 1).to1DArray(),
  )
}

export function multiply(data: Float32Array, from: number, matrix: Float32Array, to: number): Float32Array {
  const rows = data.length / from
  const out = new Float32Array(rows * to)
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < to; j++) {
      let sum = 0
      for (let i = 0; i < from; i++) sum += data[row * from + i]! * matrix[i * to + j]!
      out[row * to + j] = sum
    }
  }
  return out
}

export function meanCosine(a: Float32Array, b: Float32Array, dim: number): number {
  const x = unitRows(a, dim)
  const y = unitRows(b, dim)
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum / (x.length / dim)
}

export function part(
  { from, inputDim, to, outputDim, labels, classes }: PairedEmbeddings,
  start: number,
  end: number,
): PairedEmbeddings {
  return {
    from: from.slice(start * inputDim, end * inputDim),
    inputDim,
    to: to.slice(start * outputDim, end * outputDim),
    outputDim,
    rows: end - start,
    ...(labels && { labels: labels.slice(start, end) }),
    classes,
  }
}
