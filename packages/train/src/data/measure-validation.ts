import { createEmbeddings, type DatasetItem, LookalikeError, selectRows, unitRows } from '@lookalike/core'
import { judgeEmbeddings, summarise, truthOfItems } from '@lookalike/evaluate'

/** Figures of a validation by name: `map@r`, `recall@1`, in [0, 1]. */
export const VALIDATION_METRICS = ['recall@1', 'map@r'] as const

/**
 * Measures the search among validation items.
 *
 * @param vectors one a row, of the items in their order
 * @param found of the items as they lie in the gallery, where another model embeds that
 */
export async function measureValidation(
  items: readonly DatasetItem[],
  vectors: Float32Array,
  dim: number,
  found = vectors,
): Promise<Readonly<Record<string, number>>> {
  const part = (wanted: 'isQuery' | 'isGallery', of: Float32Array) => {
    const rows = items.flatMap((item, row) => (item[wanted] ? [row] : []))
    // Embeddings are compared by cosine, also those of networks that do not normalise.
    const data = unitRows(of, dim)
    const all = createEmbeddings({ data, rows: items.length, dim, space: 'training', role: 'any' })
    return { items: rows.map((row) => items[row]!), embeddings: selectRows(all, rows) }
  }
  const queries = part('isQuery', vectors)
  const gallery = part('isGallery', found)
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
