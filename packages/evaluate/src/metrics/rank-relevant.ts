/** How two rows are told apart whose similarities are too close for an engine's single-precision sums. */
export interface NearTies {
  /** Similarities that differ by at most this are compared by `exact`. */
  readonly tolerance: number
  /** The similarity of a gallery row in double precision, the same whatever engine is used. */
  exact(position: number): number
}

/** Right answers in doubt with one row, above which all of them are sorted by their exact similarity. */
const FEW = 8

/** Ranks the right answers of one query after the other. */
export type RankRelevant = (
  /** One query's similarity to each gallery row. */
  similarities: Float32Array,
  /** Positions to rank, at least one. */
  relevant: Int32Array,
  /** Positions that take no rank; none of them in `relevant`. */
  excluded: Iterable<number>,
  /** Unless given, only equal similarities are ties. */
  near?: NearTies,
) => Int32Array

/**
 * Ranks of some gallery rows among all, by counting instead of sorting: similarity falls, ties go to the lower position.
 * Each gallery row costs one comparison, and a look at a table where it is not further than the furthest right answer; so the
 * time hardly depends on how many rows are ranked.
 *
 * @param gallery number of its rows
 * @returns a function that gives ranks from 1, ascending; it reuses its tables
 */
export function createRankRelevant(gallery: number): RankRelevant {
  const skip = new Uint8Array(gallery)
  const table = createTable(gallery)
  return (similarities, relevant, excluded, near = { tolerance: 0, exact: (position) => similarities[position]! }) => {
    const { tolerance } = near
    const count = relevant.length
    const { highest, scale, last } = table.fill(similarities, relevant)
    const { sorted, values, starts } = table
    const aheadInDoubt = createDoubt(sorted.subarray(0, count), near)
    for (const position of relevant) skip[position] = 1
    for (const position of excluded) skip[position] = 1

    // others[i]: rows that are no right answers, with exactly i right answers ahead of them.
    const others = new Int32Array(count + 1)
    const floor = values[count - 1]! - tolerance
    for (let position = 0; position < gallery; position++) {
      const value = similarities[position]!
      if (value < floor || skip[position] === 1) continue
      const upper = cellOf(value + tolerance, highest, scale, last)
      const lower = cellOf(value - tolerance, highest, scale, last)
      let low = starts[upper]!
      const end = starts[lower + 1]!
      // Mostly there is nothing near.
      if (low < end) {
        low = firstAtMost(values, value + tolerance, low, end)
        let high = low
        while (high < end && high - low <= FEW && values[high]! >= value - tolerance) high++
        if (high > low) low = aheadInDoubt(position, low, high)
      }
      others[low]!++
    }
    for (const position of relevant) skip[position] = 0
    for (const position of excluded) skip[position] = 0
    const ranks = new Int32Array(count)
    let passed = 1
    for (let i = 0; i < count; i++) {
      passed += others[i]!
      ranks[i] = passed + i
    }
    return ranks
  }
}

/** How many right answers are ahead of a row that is close to those from `low` to `high`, of which more may follow past `FEW`. */
function createDoubt(sorted: Int32Array, { exact }: NearTies) {
  let known: Float64Array | undefined
  let order: { readonly positions: Int32Array; readonly values: Float64Array } | undefined
  const valueOf = (i: number) => {
    known ??= new Float64Array(sorted.length).fill(NaN)
    if (Number.isNaN(known[i]!)) known[i] = exact(sorted[i]!)
    return known[i]!
  }
  const sortExactly = () => {
    const places = Int32Array.from(sorted.keys()).sort((a, b) => valueOf(b) - valueOf(a) || sorted[a]! - sorted[b]!)
    return {
      positions: Int32Array.from(places, (place) => sorted[place]!),
      values: Float64Array.from(places, valueOf),
    }
  }
  return (position: number, low: number, high: number): number => {
    const own = exact(position)
    if (order === undefined && high - low <= FEW) {
      let ahead = low
      for (let i = low; i < high; i++) {
        const value = valueOf(i)
        if (value > own || (value === own && sorted[i]! < position)) ahead++
      }
      return ahead
    }
    order ??= sortExactly()
    const { positions, values } = order
    let first = 0
    let end = positions.length
    while (first < end) {
      const middle = (first + end) >> 1
      const value = values[middle]!
      if (value > own || (value === own && positions[middle]! < position)) first = middle + 1
      else end = middle
    }
    return first
  }
}

/** Cells a value: most hold none. */
const CELLS = 4

/** Cell of a value. It never falls as the value falls, also where it rounds; what is not a number counts as the highest. */
function cellOf(value: number, highest: number, scale: number, last: number): number {
  const cell = ((highest - value) * scale) | 0
  return cell < 0 ? 0 : cell > last ? last : cell
}

/** The first place between `first` and `end` whose value is at most `value`; `end` where there is none. */
function firstAtMost(values: Float32Array, value: number, first: number, end: number): number {
  while (first < end) {
    const middle = (first + end) >> 1
    if (values[middle]! > value) first = middle + 1
    else end = middle
  }
  return first
}

/**
 * Positions sorted by falling similarity, and a way to find a place among them at once: the range of the values is cut into
 * cells, and `starts` has the first place of each.
 */
function createTable(most: number) {
  const sorted = new Int32Array(most)
  const values = new Float32Array(most)
  const cells = new Int32Array(most)
  const starts = new Int32Array(CELLS * most + 1)
  const fill = (similarities: Float32Array, positions: Int32Array) => {
    const count = positions.length
    let highest = -Infinity
    let lowest = Infinity
    for (let i = 0; i < count; i++) {
      const value = similarities[positions[i]!]!
      if (value > highest) highest = value
      if (value < lowest) lowest = value
    }
    const width = (CELLS * count) / (highest - lowest)
    const scale = Number.isFinite(width) ? width : 0
    const last = CELLS * count - 1
    starts.fill(0, 0, last + 2)
    for (let i = 0; i < count; i++) {
      const cell = cellOf(similarities[positions[i]!]!, highest, scale, last)
      cells[i] = cell
      starts[cell]!++
    }
    // First the end of each cell; filled from behind, it becomes its start.
    for (let cell = 1; cell <= last + 1; cell++) starts[cell]! += starts[cell - 1]!
    for (let i = count - 1; i >= 0; i--) sorted[--starts[cells[i]!]!] = positions[i]!
    for (let cell = 0; cell <= last; cell++) {
      if (starts[cell + 1]! - starts[cell]! > 1) sortPart(sorted, similarities, starts[cell]!, starts[cell + 1]!)
    }
    for (let i = 0; i < count; i++) values[i] = similarities[sorted[i]!]!
    return { highest, scale, last }
  }
  return { sorted, values, starts, fill }
}

/** Few values are sorted by insertion. */
const SHORT = 32

function sortPart(places: Int32Array, similarities: Float32Array, from: number, to: number): void {
  if (to - from > SHORT) {
    places.subarray(from, to).sort((a, b) => similarities[b]! - similarities[a]!)
    return
  }
  for (let i = from + 1; i < to; i++) {
    const place = places[i]!
    let at = i
    for (; at > from && similarities[places[at - 1]!]! < similarities[place]!; at--) places[at] = places[at - 1]!
    places[at] = place
  }
}
