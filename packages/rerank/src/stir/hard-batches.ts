import type { Embeddings, Random } from '@lookalike/core'
import { dotRows } from '../ranking/vectors.js'

export interface HardBatchOptions {
  /** Classes in a batch. */
  readonly labels: number
  /** Images of each of them. */
  readonly instances: number
  /** Classes that are put into a batch together because they look alike. */
  readonly alike: number
}

/** Nearest classes that are remembered of each class; the rest are taken at random. */
const REMEMBERED = 32

/**
 * Batches of classes like those of a balanced sampler, but drawn in groups: a class and the classes whose mean embeddings are nearest to its
 * own. A random batch holds few images that are hard to tell apart; what a reranker is shown, a search's first results, holds little else.
 * A batch has no class twice, and nearly all come before any comes again (ours).
 *
 * @returns for an epoch, positions of the items in each batch
 */
export function createHardBatches(embeddings: Embeddings, labels: Int32Array, { labels: perBatch, instances, alike }: HardBatchOptions): (random: Random) => Int32Array[] {
  const members = membersOf(labels)
  const nearest = nearestClasses(embeddings, members)
  const batches = Math.max(1, Math.floor(labels.length / (perBatch * instances)))
  return (random) => {
    const made: Int32Array[] = []
    while (made.length < batches) {
      const order = groupedOrder(nearest, alike, random)
      for (let start = 0; start + perBatch <= order.length && made.length < batches; start += perBatch) {
        made.push(Int32Array.from(order.slice(start, start + perBatch).flatMap((label) => drawn(members[label]!, instances, random))))
      }
    }
    return made
  }
}

function membersOf(labels: Int32Array): number[][] {
  const members: number[][] = []
  labels.forEach((label, i) => (members[label] ??= []).push(i))
  return members
}

/** Of each class the nearest others, nearest first, by the inner product of mean embeddings. */
function nearestClasses({ data, dim }: Embeddings, members: readonly number[][]): number[][] {
  const means = new Float32Array(members.length * dim)
  for (const [label, rows] of members.entries()) {
    for (const row of rows) for (let d = 0; d < dim; d++) means[label * dim + d]! += data[row * dim + d]! / rows.length
  }
  return members.map((_, label) => {
    const similarities = Float32Array.from(members, (_x, other) => dotRows(means, label, means, other, dim))
    return Array.from(members.keys())
      .filter((other) => other !== label)
      .sort((a, b) => similarities[b]! - similarities[a]! || a - b)
      .slice(0, REMEMBERED)
  })
}

/** All classes once, those that look alike beside each other. */
function groupedOrder(nearest: readonly number[][], alike: number, random: Random): number[] {
  const left = new Set<number>(random.permutation(nearest.length))
  const order: number[] = []
  for (const first of left) {
    const group = [first, ...nearest[first]!.filter((other) => left.has(other)).slice(0, alike - 1)]
    for (const label of group) left.delete(label)
    order.push(...group)
  }
  return order
}

/** `count` different members; one comes twice only where there are fewer. */
function drawn(members: readonly number[], count: number, random: Random): number[] {
  const shuffled = Array.from(random.permutation(members.length), (i) => members[i]!)
  return Array.from({ length: count }, (_, i) => shuffled[i % shuffled.length]!)
}
