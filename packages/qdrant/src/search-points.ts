import { type Embeddings, type GalleryHit, type GallerySearchOptions, rowOf } from '@lookalike/core'
import type { Schemas } from '@qdrant/js-client-rest'
import { conditionOf } from './collection.js'
import { type Held, OWN, type Place } from './held.js'
import { ENTRY, entryOf, partsOf, vectorOf } from './points.js'

/** Candidates of the graph at least. */
const MIN_CANDIDATES = 128
/** Queries of a request. */
const AT_ONCE = 16

/**
 * The nearest images of each query. Where the graph finds too few, a query is compared with everything that fits.
 *
 * @throws `gallery/filter`, `gallery/unknown-key`
 */
export async function searchPoints(
  place: Place,
  held: Held,
  exact: boolean,
  queries: Embeddings,
  k: number,
  { filter, threshold = Infinity, includeRejected = false, withVectors = false, signal }: GallerySearchOptions,
): Promise<GalleryHit[][]> {
  const condition = await conditionOf(place, held, { filter, rejected: includeRejected ? undefined : false })
  const search = async (rows: readonly number[], all: boolean) => {
    const searches = rows.map((row): Schemas['QueryRequest'] => ({
      query: [...rowOf(queries, row)],
      using: OWN,
      limit: k,
      // Where the server keeps fewer bits for the graph, distances are those of the vectors as they were given.
      params: all ? { exact: true } : { hnsw_ef: Math.max(MIN_CANDIDATES, 2 * k), quantization: { rescore: true } },
      with_payload: [...ENTRY],
      with_vector: withVectors ? [OWN] : false,
      filter: condition ?? null,
    }))
    const found = await place.call('queryBatchPoints', { collection_name: held.collection, searches }, signal)
    return found.map(({ points }) => points)
  }
  const hitOf = (point: Schemas['ScoredPoint']): GalleryHit => ({
    entry: entryOf(point),
    distance: 1 - point.score,
    vector: withVectors ? Float32Array.from(vectorOf(place.name, point, OWN, held.dim)) : undefined,
  })

  const hits: GalleryHit[][] = []
  for (const rows of partsOf([...Array(queries.rows).keys()], AT_ONCE)) {
    const found = await search(rows, exact)
    const few = exact ? [] : rows.filter((_, i) => found[i]!.length < k)
    if (few.length > 0) {
      const again = await search(few, true)
      few.forEach((row, i) => (found[rows.indexOf(row)] = again[i]!))
    }
    hits.push(
      ...found.map((points) =>
        points
          .map(hitOf)
          .filter(({ distance }) => distance <= threshold)
          .sort((a, b) => a.distance - b.distance),
      ),
    )
  }
  return hits
}
