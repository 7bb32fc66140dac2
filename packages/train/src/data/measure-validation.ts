import { createEmbeddings, type DatasetItem, LookalikeError, selectRows, unitRows } from '@lookalike/core'
import { judgeEmbeddings, summarise, truthOfItems } from '@lookalike/evaluate'

/** Figures of a validation by name: `map@r`, `recall@1`, in [0, 1]. */
export const VALIDATION_METRICS = ['recall@1', 'map@r'] as const

/**
 * Measures the search among validation items.
 *
 * @param vectors one a row, of the items in their order
 */
export async function measureValidation(
  items: readonly DatasetItem[],
  vectors: Float32Array,
  dim: number,
): Promise<Readonly<Record<string, number>>> {
  // Embeddings are compared by cosine, also those of networks that do not normalise.
  const all = createEmbeddings({
    data: unitRows(vectors, dim),
    rows: items.length,
    dim,
    space: 'training',
    role: 'any',
  })
  const part = (wanted: 'isQuery' | 'isGallery') => {
    const rows = items.flatMap((item, row) => (item[wanted] ? [row] : []))
    return { items: rows.map((row) => items[row]!), embeddings: selectRows(all, rows) }
  }
  const queries = part('isQuery')
  const gallery = part('isGallery')
  const judgement = await judgeEmbeddings(
    queries.embeddings,
    gallery.embeddings,
    truthOfItems(queries.items, gallery.items),
  )
  if (judgement.queries.length === 0) {
    throw new LookalikeError('train/validation', {
      problem: `None of the ${items.length} validation images has another image of its class to find`,
      expected: 'validation classes with at least two images',
      fix: 'Hold more classes out ("validation"), or set it to 0 to train without.',
    })
  }
  return summarise(judgement, VALIDATION_METRICS).metrics
}
