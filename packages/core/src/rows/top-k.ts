/**
 * Positions of the `k` largest values, largest first; ties go to the lower position. One pass with a heap of `k`.
 *
 * @returns min(k, values.length) positions
 *
 * @example
 * topK([0.2, 0.9, 0.9, 0.1], 2) // Int32Array [1, 2]
 */
export function topK(values: ArrayLike<number>, k: number): Int32Array {
  const size = Math.max(0, Math.min(k, values.length))
  const worse = (a: number, b: number) => values[a]! < values[b]! || (values[a] === values[b] && a > b)
  // The worst of the kept ones lies at the top.
  const heap = new Int32Array(size)
  const sink = (start: number, count: number) => {
    const moving = heap[start]!
    let at = start
    for (let child = 2 * at + 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && worse(heap[child + 1]!, heap[child]!)) child++
      if (!worse(heap[child]!, moving)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = moving
  }
  for (let i = 0; i < size; i++) heap[i] = i
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(i, size)
  for (let i = size; size > 0 && i < values.length; i++) {
    if (!worse(heap[0]!, i)) continue
    heap[0] = i
    sink(0, size)
  }
  for (let count = size - 1; count > 0; count--) {
    const worst = heap[0]!
    heap[0] = heap[count]!
    heap[count] = worst
    sink(0, count)
  }
  return heap
}
