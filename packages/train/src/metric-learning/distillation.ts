import { type DatasetItem, type Encoder, LookalikeError, type TrainerRequest } from '@lookalike/core'

/** A teacher's embeddings of the training images. */
export interface Distillation {
  /** The teacher's space. */
  readonly space: string
  /**
   * `weight * mean(1 - cos(embedding, teacher's embedding of the same image))` and its gradient. Images that the teacher could not read add nothing.
   *
   * @param embeddings row-major `[positions.length, dim]`
   * @param positions of the images among the items
   */
  compute(embeddings: Float32Array, positions: Int32Array): { readonly value: number; readonly gradient: Float32Array }
}

/**
 * Knowledge distillation by matching embeddings (Romero et al. 2015 match features by distance; the cosine is ours). The teacher sees each image once,
 * without augmentation, and is not kept.
 *
 * @throws `train/teacher-dim` when the teacher's embeddings have another length than `dim`.
 */
export async function createDistillation(
  teacher: Encoder,
  items: readonly DatasetItem[],
  dim: number,
  weight: number,
  embed: TrainerRequest['embed'],
): Promise<Distillation> {
  if (teacher.dim !== dim) {
    throw new LookalikeError(
      'train/teacher-dim',
      {
        problem: `The teacher ${teacher.name} makes embeddings of ${teacher.dim} dimensions, the network ${dim}`,
        expected: 'as many of the one as of the other',
        fix: `Set the encoder's "embeddingDim" or the trainer's "head.dim" to ${teacher.dim}.`,
      },
      { fields: { teacher: teacher.dim, network: dim } },
    )
  }
  const { embeddings, positions } = await embed(teacher, items)
  const targets = new Float32Array(items.length * dim)
  for (const [row, position] of positions.entries())
    targets.set(embeddings.data.subarray(row * dim, (row + 1) * dim), position * dim)
  return { space: teacher.space, compute: (given, rows) => cosineMatch(given, rows, targets, dim, weight) }
}

/** Value and gradient of the mean cosine distance to the targets. */
export function cosineMatch(
  embeddings: Float32Array,
  positions: Int32Array,
  targets: Float32Array,
  dim: number,
  weight: number,
): { value: number; gradient: Float32Array } {
  const gradient = new Float32Array(embeddings.length)
  const share = weight / positions.length
  let value = 0
  for (const [row, position] of positions.entries()) {
    let product = 0
    let own = 0
    let other = 0
    for (let i = 0; i < dim; i++) {
      const x = embeddings[row * dim + i]!
      const t = targets[position * dim + i]!
      product += x * t
      own += x * x
      other += t * t
    }
    if (own === 0 || other === 0) continue
    const length = Math.sqrt(own * other)
    value += share * (1 - product / length)
    for (let i = 0; i < dim; i++) {
      gradient[row * dim + i] =
        -share * (targets[position * dim + i]! / length - (product / length / own) * embeddings[row * dim + i]!)
    }
  }
  return { value, gradient }
}
