import { createRandom, unitRows } from '@lookalike/core'
import { expect, it } from 'vitest'
import { createTransformer } from '../transforms/create-transformer.js'
import type { Transform } from '../transforms/transform.js'
import { fitLikelihood } from './fit-likelihood.js'

const DIM = 6

/** Unit vectors around a common direction. Classes differ in all directions but the last, which varies within classes alone and most of all. */
function drawn(classes: number, each: number, seed: number, noise = 4) {
  const random = createRandom(seed)
  const centres = Array.from({ length: classes }, () =>
    Float64Array.from({ length: DIM }, (_, i) => (i === 0 ? 20 : i === DIM - 1 ? 0 : random.normal())),
  )
  const labels = Int32Array.from({ length: classes * each }, (_, row) => row % classes)
  const data = new Float32Array(labels.length * DIM)
  for (let i = 0; i < data.length; i++)
    data[i] = centres[labels[Math.floor(i / DIM)]!]![i % DIM]! + (i % DIM === DIM - 1 ? noise : 0.2) * random.normal()
  return { rows: unitRows(data, DIM), labels }
}

async function place(transform: Transform, rows: Float32Array): Promise<Float32Array> {
  const transformer = await createTransformer(transform, { threads: 1 })
  const placed = await transformer.apply(rows)
  await transformer.dispose()
  return placed
}

const inner = (a: Float32Array, i: number, b: Float32Array, j: number) => {
  let sum = 0
  for (let k = 0; k < DIM; k++) sum += a[i * DIM + k]! * b[j * DIM + k]!
  return sum
}

/** Share of the queries whose best gallery image is of their class. */
function found(queries: ReturnType<typeof drawn>, gallery: Float32Array, labels: Int32Array): number {
  const best = Array.from(queries.labels, (_, i) =>
    labels.reduce(
      (top, _label, j) => (inner(queries.rows, i, gallery, j) > inner(queries.rows, i, gallery, top) ? j : top),
      0,
    ),
  )
  return best.filter((j, i) => labels[j] === queries.labels[i]).length / best.length
}

it('finds classes that cosines lose in a direction without meaning', async () => {
  const all = drawn(60, 8, 1, 6)
  const [train, gallery, queries] = [0, 1, 2].map((part) => {
    const rows = Array.from(all.labels.keys()).filter((row) =>
      part === 0 ? all.labels[row]! < 40 : all.labels[row]! >= 40 && Math.floor(row / 60) % 2 === part - 1,
    )
    return {
      rows: Float32Array.from(rows.flatMap((row) => [...all.rows.subarray(row * DIM, (row + 1) * DIM)])),
      labels: Int32Array.from(rows, (row) => all.labels[row]!),
    }
  }) as [ReturnType<typeof drawn>, ReturnType<typeof drawn>, ReturnType<typeof drawn>]
  const transform = (await fitLikelihood(train.rows, DIM, train.labels, 40, { threads: 1 }))!
  const placed = await place(transform, gallery.rows)
  const [byCosine, byLikelihood] = [
    found(queries, gallery.rows, gallery.labels),
    found(queries, placed, gallery.labels),
  ]
  expect(byLikelihood).toBeGreaterThan(byCosine + 0.2)
})

it('ranks images as the Gaussian log-likelihood of the query does', async () => {
  const { rows, labels } = drawn(30, 6, 2)
  const placed = await place((await fitLikelihood(rows, DIM, labels, 30, { threads: 1 }))!, rows)
  // The same by hand: -(q - m)^T (S / v + 0.3 I)^-1 (q - m) / 2, with S from the deviations from class means.
  const mean = (of: readonly number[], k: number) => of.reduce((sum, row) => sum + rows[row * DIM + k]!, 0) / of.length
  const classes = Array.from({ length: 30 }, (_, label) => [...labels.keys()].filter((row) => labels[row] === label))
  const means = classes.map((of) => Array.from({ length: DIM }, (_, k) => mean(of, k)))
  const S = Array.from({ length: DIM }, (_, a) =>
    Array.from(
      { length: DIM },
      (_, b) =>
        [...labels.keys()].reduce(
          (sum, row) =>
            sum + (rows[row * DIM + a]! - means[labels[row]!]![a]!) * (rows[row * DIM + b]! - means[labels[row]!]![b]!),
          0,
        ) /
        (30 * 5),
    ),
  )
  const v = S.reduce((sum, line, i) => sum + line[i]!, 0) / DIM
  const A = S.map((line, a) => line.map((value, b) => value / v + (a === b ? 0.3 : 0)))
  const solve = (right: readonly number[]) => {
    const m = A.map((line, i) => [...line, right[i]!])
    for (let p = 0; p < DIM; p++)
      for (let r = 0; r < DIM; r++)
        if (r !== p) {
          const f = m[r]![p]! / m[p]![p]!
          for (let c = p; c <= DIM; c++) m[r]![c]! -= f * m[p]![c]!
        }
    return m.map((line, i) => line[DIM]! / line[i]!)
  }
  const byHand = (q: number, m: number) => {
    const difference = Array.from({ length: DIM }, (_, k) => rows[q * DIM + k]! - rows[m * DIM + k]!)
    return -solve(difference).reduce((sum, value, k) => sum + value * difference[k]!, 0) / 2
  }
  let agree = 0
  let pairs = 0
  for (let q = 0; q < 40; q++) {
    for (let m = 60; m < 100; m++) {
      for (const other of [m + 20, m + 60]) {
        pairs++
        if (inner(rows, q, placed, m) > inner(rows, q, placed, other) === byHand(q, m) > byHand(q, other)) agree++
      }
    }
  }
  expect(agree / pairs).toBeGreaterThan(0.97)
})

it('needs a class with two images', async () => {
  const { rows } = drawn(5, 1, 3)
  expect(await fitLikelihood(rows, DIM, Int32Array.of(0, 1, 2, 3, 4), 5, { threads: 1 })).toBeUndefined()
})
