import {
  assertComparable,
  type Embeddings,
  LookalikeError,
  type OperationOptions,
  type SimilarityEngine,
} from '@lookalike/core'
import { createJudgement, type JudgedQuery, type Judgement } from './judgement.js'
import { rankRelevant } from './rank-relevant.js'
import { plainSimilarities } from './similarities.js'
import { createRelevance, type Truth } from './truth.js'

export interface JudgeEmbeddingsOptions extends OperationOptions {
  /** Default: plain JavaScript. */
  readonly similarities?: SimilarityEngine
}

/** Similarities held at a time. */
const BLOCK_VALUES = 1 << 24
const BLOCK_QUERIES = 256

/**
 * Judges the search of every query in the whole gallery, exactly and to its full depth, without ever holding all
 * similarities: a block of queries at a time, and ranks by counting. 60,000 queries in 60,000 images need about 64 MB
 * besides the vectors.
 *
 * @throws `embeddings/space`, `embeddings/dim`, `embeddings/role` when the two sides do not fit, `metrics/truth` when
 * the truth does not fit them.
 */
export async function judgeEmbeddings(
  queries: Embeddings,
  gallery: Embeddings,
  truth: Truth,
  options: JudgeEmbeddingsOptions = {},
): Promise<Judgement> {
  assertComparable(queries, { space: gallery.space, dim: gallery.dim, role: 'query' })
  assertComparable(gallery, { space: gallery.space, dim: gallery.dim, role: 'gallery' })
  const relevance = createRelevance(truth)
  if (relevance.queries !== queries.rows || relevance.gallery !== gallery.rows) {
    throw new LookalikeError(
      'metrics/truth',
      {
        problem: `${queries.rows} queries and ${gallery.rows} gallery rows came with ${relevance.queries} and ${relevance.gallery} labels`,
        expected: 'one label a row',
      },
      {
        fields: {
          queries: queries.rows,
          gallery: gallery.rows,
          queryLabels: relevance.queries,
          galleryLabels: relevance.gallery,
        },
      },
    )
  }
  const judged: (JudgedQuery | undefined)[] = []
  if (gallery.rows === 0)
    return createJudgement(
      relevance,
      Array.from({ length: queries.rows }, () => undefined),
    )
  const block = Math.max(1, Math.min(BLOCK_QUERIES, Math.floor(BLOCK_VALUES / gallery.rows)))
  const similarities = await (options.similarities ?? plainSimilarities)(gallery)
  try {
    for (let start = 0; start < queries.rows; start += block) {
      options.signal?.throwIfAborted()
      const rows = Math.min(block, queries.rows - start)
      const values = await similarities.compute(
        queries.data.subarray(start * queries.dim, (start + rows) * queries.dim),
        rows,
      )
      for (let row = 0; row < rows; row++) {
        const query = start + row
        const relevant = relevance.relevantTo(query)
        if (relevant.length === 0) {
          judged.push(undefined)
          continue
        }
        const excluded = relevance.excludedFrom(query)
        const hits = rankRelevant(values.subarray(row * gallery.rows, (row + 1) * gallery.rows), relevant, excluded)
        judged.push({ query, hits, relevant: relevant.length, depth: gallery.rows - excluded.size, complete: true })
      }
      options.onProgress?.({ phase: 'evaluate', done: start + rows, total: queries.rows, unit: 'query' })
    }
  } finally {
    await similarities.dispose()
  }
  return createJudgement(relevance, judged)
}
