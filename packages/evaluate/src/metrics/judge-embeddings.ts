import {
  assertComparable,
  createEmbeddings,
  type Embeddings,
  LookalikeError,
  type OperationOptions,
  type SimilarityEngine,
} from '@lookalike/core'
import { createJudge } from './create-judge.js'
import { createJudgement, type JudgedQuery, type Judgement } from './judgement.js'
import { plainSimilarities } from './similarities.js'
import { createSummary, type Summary } from './summarise.js'
import { createRelevance, type Relevance, type Truth } from './truth.js'

export interface JudgeEmbeddingsOptions extends OperationOptions {
  /** Default: plain JavaScript. */
  readonly similarities?: SimilarityEngine | undefined
}

/**
 * Judges the search of every query in the whole gallery, exactly and to its full depth, without ever holding all
 * similarities: a block of queries at a time, and ranks by counting. Rows are ordered by their inner product with the query in
 * double precision, ties by position, whatever engine computes the products.
 *
 * The judgement holds 4 bytes for each right answer of each query. Where classes have thousands of images that is a lot:
 * {@link measureEmbeddings} keeps none of them.
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
  const relevance = createRelevance(truth)
  const judged: (JudgedQuery | undefined)[] = []
  for await (const block of judgedBlocks(queries, gallery, relevance, options))
    for (const query of block) judged.push(query)
  return createJudgement(relevance, judged)
}

/**
 * Metrics of the search of every query in the whole gallery: `summarise(await judgeEmbeddings(...), names)` in bounded memory,
 * about 64 MB besides the vectors for 60,000 queries in 60,000 images, however many images a class has.
 *
 * @param names as {@link metricNames} gives them
 * @param options.categories category of each query row, where there are categories
 * @throws as `judgeEmbeddings` and `summarise`
 */
export async function measureEmbeddings(
  queries: Embeddings,
  gallery: Embeddings,
  truth: Truth,
  names: readonly string[],
  options: JudgeEmbeddingsOptions & { readonly categories?: ArrayLike<string | undefined> | undefined } = {},
): Promise<Summary> {
  const relevance = createRelevance(truth)
  const summary = createSummary(names, options.categories)
  for await (const block of judgedBlocks(queries, gallery, relevance, options)) summary.add(block)
  return summary.result()
}

async function* judgedBlocks(
  givenQueries: Embeddings,
  givenGallery: Embeddings,
  relevance: Relevance,
  options: JudgeEmbeddingsOptions,
): AsyncGenerator<(JudgedQuery | undefined)[]> {
  const { space, dim } = givenGallery ?? {}
  assertComparable(givenGallery, { space, dim, role: 'gallery' })
  assertComparable(givenQueries, { space, dim, role: 'query' })
  const [queries, gallery] = [createEmbeddings({ ...givenQueries }), createEmbeddings({ ...givenGallery })]
  if (relevance.queries !== queries.rows || relevance.gallery !== gallery.rows)
    throw doNotFit(queries, gallery, relevance)
  const judge = await createJudge(gallery, relevance, options.similarities ?? plainSimilarities)
  try {
    for (let start = 0; start < queries.rows; start += judge.block) {
      options.signal?.throwIfAborted()
      const rows = Math.min(judge.block, queries.rows - start)
      const data = queries.data.subarray(start * queries.dim, (start + rows) * queries.dim)
      yield await judge.judge({ ...queries, data, rows }, start)
      options.onProgress?.({ phase: 'evaluate', done: start + rows, total: queries.rows, unit: 'query' })
    }
  } finally {
    await judge.dispose()
  }
}

function doNotFit(queries: Embeddings, gallery: Embeddings, relevance: Relevance): LookalikeError {
  return new LookalikeError(
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
