import {
  createRanking,
  type DatasetItem,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type GalleryHit,
  galleryEntries,
  type ImageRequest,
  LookalikeError,
  type Model,
  type OperationOptions,
  type Ranking,
  type Reranker,
  selectRows,
} from '@lookalike/core'
import { galleryThreshold, type NoMatchThreshold, noMatchThreshold } from '@lookalike/evaluate'
import { hashImage } from '@lookalike/image'
import { depthOf, rerankAll } from './rank-images.js'

export interface CalibrationParts {
  readonly gallery: Gallery
  readonly embed: Model['embed']
  readonly rerankers: readonly Reranker[]
  /** The dataset's items, of which the queries of the split calibrate. */
  readonly items: readonly DatasetItem[]
  readonly split: string
  /** As for a search. */
  readonly paths?: readonly string[] | undefined
}

/** A labelled query, and which gallery images it may not find because they are the very same image. */
interface CalibrationQuery {
  readonly row: number
  readonly label: string
  readonly image: ImageRequest
  readonly hash: string
}

const labelOf = ({ metadata }: GalleryEntry) => metadata?.label

/**
 * From which distance on a search of this gallery answers "no match", such that a query without a mate is answered with a
 * probability of at most `target`. Each calibration query searches the gallery twice, reranked as the config says: without the images of its
 * class it has no mate, and with them it shows what the threshold costs.
 *
 * @throws `search/no-calibration` without labelled queries or labelled gallery images, `metrics/target`, the codes of image reading
 */
export async function calibrateNoMatch(
  parts: CalibrationParts,
  target: number,
  options: OperationOptions = {},
): Promise<NoMatchThreshold> {
  const { gallery, rerankers, paths } = parts
  const { embeddings, queries } = await calibrationQueries(parts, options)
  const depth = depthOf(1, rerankers)
  const entries = await galleryEntries(gallery)
  const others = ({ hash }: CalibrationQuery, entry: GalleryEntry) => entry.hash !== hash
  /** So many more are asked for as may not count. */
  const lists = async (counts: (query: CalibrationQuery, entry: GalleryEntry) => boolean) => {
    const found: GalleryHit[][] = []
    for (const query of queries) {
      const passed = entries.filter((entry) => !counts(query, entry)).length
      const search = { ...options, withVectors: rerankers.length > 0 }
      const [hits] = await gallery.search(selectRows(embeddings, [query.row]), depth + passed, search)
      found.push(hits!.filter(({ entry }) => counts(query, entry)).slice(0, depth))
    }
    return found
  }
  const withClass = await lists(others)
  const without = await lists((query, entry) => labelOf(entry) !== query.label && others(query, entry))
  const best = async (of: readonly CalibrationQuery[], hits: readonly (readonly GalleryHit[])[]) => {
    const rows = selectRows(
      embeddings,
      of.map(({ row }) => row),
    )
    const images = of.map(({ image }) => image)
    const reranked = await rerankAll(gallery, rows, images, rerankers, hits, { ...options, paths })
    return reranked.map(([first]) => first?.distance ?? Infinity)
  }
  const hasMate = queries.map((query) =>
    entries.some((entry) => labelOf(entry) === query.label && others(query, entry)),
  )
  const mates = queries.filter((_, i) => hasMate[i])
  const mated =
    mates.length > 0
      ? await best(
          mates,
          withClass.filter((_, i) => hasMate[i]),
        )
      : []
  return noMatchThreshold({ unmated: await best(queries, without), mated }, target)
}

/**
 * The uncertainty up to which images of this gallery may stay, such that a query with a mate in what stays gets a wrong first result with
 * a probability of at most `target`, among all queries that have one now. Rerankers do not take part.
 *
 * @returns `Infinity` where nothing has to be rejected
 * @throws as {@link calibrateNoMatch}, `gallery/no-uncertainty`
 */
export async function calibrateRejection(
  parts: CalibrationParts,
  target: number,
  options: OperationOptions = {},
): Promise<number> {
  const { gallery } = parts
  const entries = (await galleryEntries(gallery)).filter(({ uncertainty }) => uncertainty !== undefined)
  if (entries.length === 0) {
    throw new LookalikeError('gallery/no-uncertainty', {
      problem: `No image of the gallery ${gallery.name} has an uncertainty`,
      expected: 'a gallery of a model that gives one',
      fix: 'Ensembles of two or more gallery models give an uncertainty; single models do not.',
    })
  }
  const { embeddings, queries } = await calibrationQueries(parts, options)
  const places = new Map(entries.map(({ id }, place) => [id, place]))
  const hashes = new Map(entries.map(({ hash }, place) => [hash, place]))
  const found = await gallery.search(embeddings, await gallery.count(), { ...options, includeRejected: true })
  const rankings = queries.map(({ row }) => toPlaces(found[row]!, places))
  const uncertainty = Float64Array.from(entries, (entry) => entry.uncertainty!)
  const truth = {
    queryLabels: queries.map(({ label }) => label),
    galleryLabels: entries.map((entry, place) => String(labelOf(entry) ?? `image ${place}`)),
    own: queries.map(({ hash }) => hashes.get(hash) ?? -1),
  }
  const threshold = galleryThreshold(rankings, truth, uncertainty, target)
  // What is rejected lies above a rule's threshold, not at it.
  return threshold === Infinity
    ? Infinity
    : uncertainty.reduce((most, value) => (value < threshold ? Math.max(most, value) : most), -Infinity)
}

function toPlaces(hits: readonly GalleryHit[], places: ReadonlyMap<string, number>): Ranking {
  const kept = hits.filter(({ entry }) => places.has(entry.id))
  return createRanking(
    Int32Array.from(kept, ({ entry }) => places.get(entry.id)!),
    Float32Array.from(kept, ({ distance }) => distance),
  )
}

async function calibrationQueries(
  { gallery, embed, items, split }: CalibrationParts,
  options: OperationOptions,
): Promise<{ readonly embeddings: Embeddings; readonly queries: readonly CalibrationQuery[] }> {
  const wanted = items.filter((item) => item.split === split && item.isQuery && item.label !== '')
  if (wanted.length === 0) {
    throw noCalibration(
      `The dataset has no labelled queries in the split "${split}" to calibrate on (${items.length} images)`,
      'labelled queries that neither the model nor a choice has seen',
      'Give the dataset such a split, or name another with --evaluate.calibration.',
    )
  }
  if (!(await galleryEntries(gallery)).some((entry) => labelOf(entry) !== undefined)) {
    throw noCalibration(
      `No image of the gallery ${gallery.name} has a label, so nobody knows which of them answer a query`,
      'a gallery whose images have labels',
      'Index the dataset, or folders of one class each.',
    )
  }
  const images = wanted.map(({ source, box }): ImageRequest => ({ source, box }))
  const { embeddings, positions } = await embed(images, 'query', options)
  const queries: CalibrationQuery[] = []
  for (const [row, at] of positions.entries()) {
    const image = images[at]!
    queries.push({ row, label: wanted[at]!.label, image, hash: await hashImage(image) })
  }
  return { embeddings, queries }
}

function noCalibration(problem: string, expected: string, fix: string): LookalikeError {
  return new LookalikeError('search/no-calibration', { problem, expected, fix })
}
