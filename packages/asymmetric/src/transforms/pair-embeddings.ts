import { type Embeddings, LookalikeError } from '@lookalike/core'
import type { PairedEmbeddings } from './transform.js'

/**
 * Two models' embeddings of the same images as pairs.
 *
 * @param labels class of each row; any texts, distinct ones are distinct classes
 * @throws `asymmetric/unpaired` when the numbers of rows differ, `asymmetric/too-few` with fewer than two rows.
 */
export function pairEmbeddings(from: Embeddings, to: Embeddings, labels?: readonly string[]): PairedEmbeddings {
  if (from.rows !== to.rows || (labels && labels.length !== from.rows)) {
    throw new LookalikeError(
      'asymmetric/unpaired',
      {
        problem: `${from.rows} embeddings of ${from.space} came with ${to.rows} of ${to.space}${labels ? ` and ${labels.length} labels` : ''}`,
        expected: 'the embeddings of the same images by both models, in the same order',
        fix: 'Leave out the images that one of the models could not read.',
      },
      { fields: { from: from.rows, to: to.rows, labels: labels?.length } },
    )
  }
  if (from.rows < 2) {
    throw new LookalikeError('asymmetric/too-few', {
      problem: `A transform was to be learned from ${from.rows} images`,
      expected: 'at least two; a few times the number of dimensions is better',
    })
  }
  const pairs = { from: from.data, inputDim: from.dim, to: to.data, outputDim: to.dim, rows: from.rows }
  if (!labels) return pairs
  return { ...pairs, ...numberLabels(labels) }
}

/** Classes as numbers, in the order of their names. */
export function numberLabels(labels: readonly string[]): { labels: Int32Array; classes: number } {
  const numbers = new Map([...new Set(labels)].sort().map((label, i) => [label, i]))
  return { labels: Int32Array.from(labels, (label) => numbers.get(label)!), classes: numbers.size }
}
