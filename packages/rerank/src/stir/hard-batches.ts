import { createRandom, type Embeddings, type Random, type Sampler, selectRows } from '@lookalike/core'
import { minePairs } from './mine-pairs.js'
import type { PlannedBatch } from './pair-batches.js'

/** Balanced batches and their hard pairs, as in the paper. @throws when the sampler finds too few classes or images. */
export function createHardBatches(
  sampler: Sampler,
  embeddings: Embeddings,
  labels: Int32Array,
): (random: Random) => readonly PlannedBatch[] {
  const plan = (random: Random) =>
    sampler.epoch({ labels }, random).map((positions) => hardPairs(positions, embeddings, labels))
  plan(createRandom(0))
  return plan
}

/** STIR's pairs of a balanced batch. */
function hardPairs(positions: Int32Array, embeddings: Embeddings, labels: Int32Array): PlannedBatch {
  return {
    positions,
    pairs(readable) {
      const { data, dim } = selectRows(embeddings, readable)
      return minePairs(
        data,
        dim,
        readable.map((position) => labels[position]!),
      )
    },
  }
}
