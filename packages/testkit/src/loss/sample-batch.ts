import { createRandom, type LossInput, type LossTriple } from '@lookalike/core'

export interface BatchShape {
  readonly rows: number
  readonly dim: number
  readonly classes: number
}

/** A batch of normal embeddings for either kind of loss: row i is of class i modulo `classes`; neighbours make triples. */
export function sampleLossBatch(
  seed: number,
  { rows, dim, classes }: BatchShape,
  when: Pick<LossInput, 'step' | 'totalSteps'>,
): LossInput {
  const random = createRandom(`batch ${seed}`)
  return {
    embeddings: Float32Array.from({ length: rows * dim }, () => random.normal()),
    rows,
    dim,
    labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    triples:
      rows < 3
        ? []
        : Array.from(
            { length: rows },
            (_, i): LossTriple => ({
              reference: i,
              a: (i + 1) % rows,
              b: (i + 2) % rows,
              target: [0, 1, 0.7][i % 3]!,
              classA: 1 + (i % 5),
              classB: 1 + ((i + 2) % 5),
            }),
          ),
    ...when,
  }
}

/** The same batch with its rows in another order: row i of the result is row `order[i]`. */
export function reorderRows(batch: LossInput, order: Int32Array): LossInput {
  const { dim, embeddings, labels, triples } = batch
  const moved = new Float32Array(embeddings.length)
  const placeOf = new Int32Array(order.length)
  order.forEach((row, place) => {
    moved.set(embeddings.subarray(row * dim, (row + 1) * dim), place * dim)
    placeOf[row] = place
  })
  return {
    ...batch,
    embeddings: moved,
    labels: labels?.map((_, place) => labels[order[place]!]!),
    triples: triples?.map(({ reference, a, b, ...rest }) => ({
      reference: placeOf[reference]!,
      a: placeOf[a]!,
      b: placeOf[b]!,
      ...rest,
    })),
  }
}
