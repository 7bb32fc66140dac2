import { concat, type DatasetItem, LookalikeError } from '@lookalike/core'

/** The class of an image, or its classes where it has several. */
export type TruthLabel = string | number | readonly (string | number)[]

/** What counts as a right answer: items that share a class with the query, except its own image and its own sequence. */
export interface Truth {
  /** Class or classes of each query. */
  readonly queryLabels: ArrayLike<TruthLabel>
  /** Class or classes of each gallery row. */
  readonly galleryLabels: ArrayLike<TruthLabel>
  /** Gallery position of each query's own image, -1 where the gallery does not have it. */
  readonly own?: ArrayLike<number> | undefined
  /** Items of one sequence (frames of one video) are not among each other's results at all, right or wrong. */
  readonly querySequences?: ArrayLike<string | undefined> | undefined
  readonly gallerySequences?: ArrayLike<string | undefined> | undefined
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
  /** Gallery positions of the right answers, ascending; not to be written to. */
  relevantTo(query: number): Int32Array
  /** Gallery positions that are left out of the query's results. */
  excludedFrom(query: number): ReadonlySet<number>
}

const NOTHING: ReadonlySet<number> = new Set()

/** @throws `metrics/truth` when the parts of a truth do not fit each other. */
export function createRelevance(truth: Truth): Relevance {
  const { queryLabels, galleryLabels, own, querySequences, gallerySequences } = truth
  checkLabels('queryLabels', queryLabels)
  checkLabels('galleryLabels', galleryLabels)
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
      const ofClass = sharing(queryLabels[query]!, byLabel)
      const excluded = excludedFrom(query)
      return excluded.size === 0 ? ofClass : without(ofClass, excluded)
    },
  }
}

const NO_POSITIONS = new Int32Array(0)

/** Positions that have one of the labels, ascending and each once. */
function sharing(label: TruthLabel, byLabel: ReadonlyMap<string | number, Int32Array>): Int32Array {
  if (typeof label !== 'object') return byLabel.get(label) ?? NO_POSITIONS
  const groups = label.map((one) => byLabel.get(one) ?? NO_POSITIONS)
  if (groups.length === 1) return groups[0]!
  const all = concat([NO_POSITIONS, ...groups]).sort()
  return all.filter((position, i) => i === 0 || position !== all[i - 1])
}

/** Ascending positions without some. */
function without(positions: Int32Array, excluded: ReadonlySet<number>): Int32Array {
  const [one] = excluded
  if (excluded.size > 1 || one === undefined) return positions.filter((position) => !excluded.has(position))
  const at = positions.indexOf(one)
  if (at < 0) return positions
  const rest = new Int32Array(positions.length - 1)
  rest.set(positions.subarray(0, at))
  rest.set(positions.subarray(at + 1), at)
  return rest
}

function positionsBy<T extends string | number>(values: ArrayLike<T | readonly T[] | undefined>): Map<T, Int32Array> {
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
  return new Map(Array.from(groups, ([value, group]) => [value, Int32Array.from(group)]))
}

function checkLength(name: string, values: ArrayLike<unknown> | undefined, wanted: number): void {
  if (values === undefined || values?.length === wanted) return
  const given = values === null ? 'is null' : `has ${values.length} entries`
  throw new LookalikeError(
    'metrics/truth',
    { problem: `The truth's "${name}" ${given}`, expected: `${wanted}, one for each label` },
    { fields: { name, length: values?.length, wanted } },
  )
}

/** A label that is no label would match every other of its kind. */
function checkLabels(name: string, labels: ArrayLike<unknown>): void {
  const isList = Array.isArray(labels) || (ArrayBuffer.isView(labels) && 'length' in labels)
  const good = (label: unknown) => typeof label === 'string' || (typeof label === 'number' && !Number.isNaN(label))
  const fail = (problem: string, fields: object) => {
    throw new LookalikeError(
      'metrics/truth',
      { problem: `The truth's "${name}" ${problem}`, expected: 'a text, a number, or a list of them for each row' },
      { fields: { name, ...fields } },
    )
  }
  if (!isList) fail(`is ${typeof labels === 'object' ? 'no list' : typeof labels}`, {})
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]
    if (!good(label) && !(Array.isArray(label) && label.length > 0 && label.every(good)))
      fail(
        `has no label in row ${row}, but ${Array.isArray(label) ? 'a list without or with bad labels' : String(label)}`,
        { row },
      )
  }
}
