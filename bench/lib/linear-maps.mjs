/** Gallery models mapped into a query model's space by least squares, as `cross-model` does, on embeddings that are at hand. */
import { createTransformer, fitTransform } from '@lookalike/asymmetric'
import { createGraphBuilder, createSession, float32 } from '@lookalike/onnx'

export const pick = (data, dim, rows) => {
  const out = new Float32Array(rows.length * dim)
  rows.forEach((row, i) => out.set(data.subarray(row * dim, (row + 1) * dim), i * dim))
  return out
}

export const toRows = ({ data, dim }, rows) => ({ data: pick(data, dim, rows), dim })

/** A map from one model's rows to the other's rows of the same images, as `apply`, and its ridge; of several the one that held-out pairs choose. */
export async function learnMap(from, to, ridge) {
  const pairs = {
    from: from.data,
    inputDim: from.dim,
    to: to.data,
    outputDim: to.dim,
    rows: from.data.length / from.dim,
  }
  const { transform, ridge: chosen } = await fitTransform(pairs, { kind: 'linear', ridge }, { seed: 0, threads: 1 })
  const transformer = await createTransformer(transform, { threads: 1 })
  return { apply: transformer.apply, ridge: chosen }
}

/** All inner products, `[rows of a, rows of b]`. */
export async function products(a, b, dim) {
  const g = createGraphBuilder({ name: 'products' })
  g.output(g.matMul(g.input('a', 'float32', ['N', dim]), g.input('b', 'float32', [dim, 'M'])), 'c', {
    shape: ['N', 'M'],
  })
  session[dim] ??= await createSession(g.build(), { threads: 1 })
  const rows = b.length / dim
  const turned = new Float32Array(b.length)
  for (let row = 0; row < rows; row++) for (let i = 0; i < dim; i++) turned[i * rows + row] = b[row * dim + i]
  const { c } = await session[dim].run({ a: float32(a, [a.length / dim, dim]), b: float32(turned, [dim, rows]) })
  return c.data
}
const session = {}

/** Share of the queries, in %, whose best gallery image has their label; `own`: row i of both is the same image, which does not count. */
export async function firstRight(
  queries,
  gallery,
  dim,
  labels,
  galleryLabels = labels,
  own = galleryLabels === labels,
) {
  const all = await products(queries, gallery, dim)
  const columns = galleryLabels.length
  let right = 0
  for (let row = 0; row < labels.length; row++) {
    let best = -1
    for (let column = 0; column < columns; column++)
      if (!(own && column === row) && (best < 0 || all[row * columns + column] > all[row * columns + best]))
        best = column
    if (galleryLabels[best] === labels[row]) right++
  }
  return (100 * right) / labels.length
}
