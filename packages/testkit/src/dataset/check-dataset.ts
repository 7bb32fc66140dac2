import { type Dataset, type DatasetItem, type ImageRequest, isRelevant, type Split } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { checkCommon } from '../contract.js'
import { createParts, type Parts } from '../parts.js'
import { checkSource } from './check-source.js'

export interface DatasetCheckOptions {
  /** Images that are read. Default: 2, the first and the last. */
  readonly readImages?: number
  /** Reads an image whole (`decodeImage` of `@lookalike/image`). Unless given, only its beginning is looked at. */
  readonly readImage?: (request: ImageRequest) => Promise<unknown>
  /** False for sets that are judged by their triples alone: an image then needs no other one of its label. */
  readonly searchable?: boolean
}

interface Subject {
  readonly parts: Parts<Dataset>
  readonly readImages: number
  readonly readImage: (request: ImageRequest) => Promise<unknown>
  readonly searchable: boolean
}

const SPLITS: readonly Split[] = ['train', 'validation', 'test']
const MOST_EXAMPLES = 3

/** One finding for all items of a fault. */
function checkItems(
  items: readonly DatasetItem[],
  what: string,
  isBad: (item: DatasetItem) => boolean,
  report: (message: string) => void,
): void {
  const bad = items.filter(isBad)
  if (bad.length > 0)
    report(
      `${bad.length} of ${items.length} items have ${what}: ${bad
        .slice(0, MOST_EXAMPLES)
        .map(({ id }) => JSON.stringify(id))
        .join(', ')}`,
    )
}

const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1

const isFlat = (metadata: object) =>
  Object.values(metadata).every((value) => ['string', 'number', 'boolean'].includes(typeof value))

const checks: readonly Check<Subject>[] = [
  {
    id: 'dataset/contract',
    claim: 'says what it is and has items',
    async run({ parts }, report) {
      const dataset = await parts.shared()
      checkCommon(dataset, report)
      if (!Array.isArray(dataset.items) || dataset.items.length === 0) report('it has no items')
      for (const [name, figure] of Object.entries(dataset.figures ?? {}))
        if (!Number.isFinite(figure)) report(`the figure "${name}" is ${figure}`)
    },
  },
  {
    id: 'dataset/ids',
    claim: 'gives every item an id of its own',
    async run({ parts }, report) {
      const { items } = await parts.shared()
      checkItems(items, 'no id', ({ id }) => typeof id !== 'string' || id === '', report)
      const seen = new Set<string>()
      checkItems(items, 'an id that another has too', ({ id }) => seen.size === seen.add(id).size, report)
    },
  },
  {
    id: 'dataset/items',
    claim: 'gives every item a label, a split, its roles and a sound box',
    async run({ parts }, report) {
      const { items } = await parts.shared()
      checkItems(items, 'no label', ({ label }) => typeof label !== 'string' || label === '', report)
      checkItems(items, `a split that is none of ${SPLITS.join(', ')}`, ({ split }) => !SPLITS.includes(split), report)
      checkItems(
        items,
        'an isQuery or isGallery that is neither true nor false',
        ({ isQuery, isGallery }) => typeof isQuery !== 'boolean' || typeof isGallery !== 'boolean',
        report,
      )
      checkItems(
        items,
        'a box that reaches out of the image',
        ({ box }) =>
          box !== undefined &&
          !(
            [box.x, box.y, box.width, box.height].every(isShare) &&
            box.width > 0 &&
            box.height > 0 &&
            box.x + box.width <= 1 + 1e-9 &&
            box.y + box.height <= 1 + 1e-9
          ),
        report,
      )
      checkItems(
        items,
        'metadata that is not flat',
        ({ metadata }) => metadata !== undefined && !isFlat(metadata),
        report,
      )
    },
  },
  {
    id: 'dataset/queries',
    claim: 'has something to find for every query',
    async run({ parts, searchable }, report) {
      const { items } = await parts.shared()
      if (!searchable || !items.some(({ isQuery }) => isQuery)) return NOT_CLAIMED
      const gallery = new Map<string, DatasetItem[]>()
      const keysOf = ({ split, label, labels = [label] }: DatasetItem) => labels.map((one) => `${split}/${one}`)
      for (const item of items)
        if (item.isGallery)
          for (const key of keysOf(item)) gallery.set(key, [...(gallery.get(key) ?? []).slice(0, 50), item])
      checkItems(
        items.filter(({ isQuery, split }) => isQuery && split !== 'train'),
        'no other gallery image of their label in their split',
        (query) => !keysOf(query).some((key) => gallery.get(key)?.some((item) => isRelevant(query, item))),
        report,
      )
    },
  },
  {
    id: 'dataset/triples',
    claim: 'has triples of three different items that are there',
    async run({ parts }, report) {
      const { items, triples } = await parts.shared()
      if (!triples) return NOT_CLAIMED
      const ids = new Set(items.map(({ id }) => id))
      const bad = triples.find(
        ({ reference, a, b, closer, agreement }) =>
          ![reference, a, b].every((id) => ids.has(id)) ||
          new Set([reference, a, b]).size < 3 ||
          (closer !== 'a' && closer !== 'b') ||
          (agreement !== undefined && !(agreement >= 0.5 && agreement <= 1)),
      )
      if (bad)
        report(
          `the triple ${JSON.stringify(bad)} is not of three different items of the set with one of them closer and an agreement from 0.5 to 1`,
        )
    },
  },
  {
    id: 'dataset/deterministic',
    claim: 'is the same when it is loaded again',
    async run({ parts }, report) {
      const text = ({ items, triples }: Dataset) =>
        items
          .map(({ id, label, split, isQuery, isGallery }) => JSON.stringify([id, label, split, isQuery, isGallery]))
          .join('\n') + JSON.stringify(triples ?? [])
      if (text(await parts.shared()) !== text(await parts.fresh()))
        report('loaded twice, it has other items, or the same in another order')
    },
  },
  {
    id: 'dataset/images',
    claim: 'names images that can be read',
    async run({ parts, readImages, readImage }, report) {
      if (readImages === 0) return NOT_CLAIMED
      const { items } = await parts.shared()
      const every = Math.max(1, Math.floor((items.length - 1) / Math.max(1, readImages - 1)))
      for (const { id, source, box } of items.filter((_, i) => i % every === 0).slice(0, readImages)) {
        try {
          await readImage({ source, box })
        } catch (error) {
          report(`the image of "${id}" cannot be read: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    },
  },
]

export const datasetSuite: Suite<Dataset, DatasetCheckOptions, Subject> = {
  checks,
  open: (create, { readImages = 2, readImage = ({ source }) => checkSource(source), searchable = true }) => ({
    parts: createParts(create),
    readImages,
    readImage,
    searchable,
  }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a data set: ids, labels, splits, queries with something to find, triples, readable images.
 *
 * @example
 * const issues = await checkDataset(() => loadMyDataset('./fixtures'))
 */
export const checkDataset = (create: Create<Dataset>, options: DatasetCheckOptions = {}): Promise<readonly Issue[]> =>
  runSuite(datasetSuite, create, options)
