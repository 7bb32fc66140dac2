import { type DatasetItem, LookalikeError } from '@lookalike/core'

/** The class of an image, or its classes where it has several. */
export type TruthLabel = string | number | readonly (string | number)[]

/** What counts as a right answer: items that share a class with the query, except its own image and its own sequence. */
export interface Truth {
  /** Class or classes of each query. */
  readonly queryLabels: ArrayLike<TruthLabel>
  /** Class or classes of each gallery row. */
  readonly galleryLabels: ArrayLike<TruthLabel>
  /** Gallery position of each query's own image, -1 where the gallery does not have it. */
  readonly own?: ArrayLike<number>
  /** Items of one sequence (frames of one video) are not among each other's results at all, right or wrong. */
  readonly querySequences?: ArrayLike<string | undefined>
  readonly gallerySequences?: ArrayLike<string | undefined>
}

/** The truth of a dataset's items; an item is known by its id on both sides. */
export function truthOfItems(queries: readonly DatasetItem[], gallery: readonly DatasetItem[]): Truth {
  const positions = new Map(gallery.map(({ id }, position) => [id, position]))
  return {
    queryLabels: queries.map(({ label, labels }) => labels ?? label),
    galleryLabels: gallery.map(({ label, labels }) => labels ?? label),
    own: Int32Array.from(queries, ({ id }) => positions.get(id) ?? -1),
    querySequences: queries.map(({ sequence }) => sequence),
    gallerySequences: gallery.map(({ sequence }) => sequence),
  }
}

/** A truth, ready to be asked about one query at a time. */
export interface Relevance {
  readonly queries: number
  readonly gallery: number
  /** Gallery positions of the right answers, ascending. */
  relevantTo(query: number): Int32Array
  /** Gallery positions that are left out of the query's results. */
  excludedFrom(query: number): ReadonlySet<number>
}

const NOTHING: ReadonlySet<number> = new Set()

/** @throws `metrics/truth` when the parts of a truth do not fit each other. */
export function createRelevance(truth: Truth): Relevance {
  const { queryLabels, galleryLabels, own, querySequences, gallerySequences } = truth
  const queries = queryLabels.length
  const gallery = galleryLabels.length
  checkLength('own', own, queries)
  checkLength('querySequences', querySequences, queries)
  checkLength('gallerySequences', gallerySequences, gallery)
  for (let row = 0; own && row < queries; row++) {
    const position = own[row]!
    if (!Number.isInteger(position) || position < -1 || position >= gallery) {
      throw new LookalikeError(
        'metrics/truth',
        {
          problem: `Query ${row} names gallery position ${position} as its own`,
          expected: `-1, or a position below ${gallery}`,
        },
        { fields: { query: row, position, gallery } },
      )
    }
  }
  const byLabel = positionsBy(galleryLabels)
  const bySequence = gallerySequences && positionsBy(gallerySequences)
  const excludedFrom = (query: number): ReadonlySet<number> => {
    const sequence = querySequences?.[query]
    const frames = sequence === undefined ? undefined : bySequence?.get(sequence)
    const self = own?.[query] ?? -1
    if (!frames && self < 0) return NOTHING
    const excluded = new Set(frames)
    if (self >= 0) excluded.add(self)
    return excluded
  }
  return {
    queries,
    gallery,
    excludedFrom,
    relevantTo(query) {
      const excluded = excludedFrom(query)
      return Int32Array.from(sharing(queryLabels[query]!, byLabel).filter((position) => !excluded.has(position)))
    },
  }
}

/** Positions that have one of the labels, ascending and each once. */
function sharing(label: TruthLabel, byLabel: ReadonlyMap<string | number, readonly number[]>): readonly number[] {
  if (typeof label !== 'object') return byLabel.get(label) ?? []
  const groups = label.map((one) => byLabel.get(one) ?? [])
  return groups.length === 1 ? groups[0]! : [...new Set(groups.flat())].sort((a, b) => a - b)
}

function positionsBy<T extends string | number>(values: ArrayLike<T | readonly T[] | undefined>): Map<T, number[]> {
  const groups = new Map<T, number[]>()
  const put = (value: T, position: number) => {
    const group = groups.get(value)
    // A label that an item names twice counts once.
    if (!group) groups.set(value, [position])
    else if (group.at(-1) !== position) group.push(position)
  }
  for (let position = 0; position < values.length; position++) {
    const value = values[position]
    if (Array.isArray(value)) for (const one of value as readonly T[]) put(one, position)
    else if (value !== undefined) put(value as T, position)
  }
  return groups
}

function checkLength(name: string, values: ArrayLike<unknown> | undefined, wanted: number): void {
  if (values === undefined || values.length === wanted) return
  throw new LookalikeError(
    'metrics/truth',
    { problem: `The truth's "${name}" has ${values.length} entries`, expected: `${wanted}, one for each label` },
    { fields: { name, length: values.length, wanted } },
  )
}
