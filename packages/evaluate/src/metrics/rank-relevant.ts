/**
 * Ranks of some gallery rows among all, by counting instead of sorting: similarity falls, ties go to the lower position.
 * One comparison for each gallery row that is further than the furthest right answer.
 *
 * @param similarities one query's similarity to each gallery row
 * @param relevant positions to rank, at least one
 * @param excluded positions that take no rank; none of them in `relevant`
 * @returns ranks from 1, ascending
 */
export function rankRelevant(similarities: Float32Array, relevant: Int32Array, excluded: Iterable<number>): Int32Array {
  const before = (a: number, b: number) => {
    const difference = similarities[b]! - similarities[a]!
    return difference === 0 ? a - b : difference
  }
  const sorted = Int32Array.from(relevant).sort(before)
  const count = sorted.length
  const values = Float32Array.from(sorted, (position) => similarities[position]!)
  const last = sorted[count - 1]!
  const lowest = values[count - 1]!
  // passed[i]: gallery rows that come right before the ith right answer, behind the one before it.
  const passed = new Int32Array(count)
  const slotOf = (position: number, value: number): number => {
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      const other = values[middle]!
      if (value > other || (value === other && position < sorted[middle]!)) high = middle
      else low = middle + 1
    }
    return low
  }
  const ahead = (position: number, value: number) => value > lowest || (value === lowest && position < last)
  for (let position = 0; position < similarities.length; position++) {
    const value = similarities[position]!
    if (value < lowest) continue
    if (ahead(position, value)) passed[slotOf(position, value)]!++
  }
  for (const position of excluded) {
    const value = similarities[position]!
    if (ahead(position, value)) passed[slotOf(position, value)]!--
  }
  // A right answer was counted as ahead of the next one, so each sum already includes those before it.
  const ranks = new Int32Array(count)
  let total = 1
  for (let i = 0; i < count; i++) {
    total += passed[i]!
    ranks[i] = total
  }
  return ranks
}
