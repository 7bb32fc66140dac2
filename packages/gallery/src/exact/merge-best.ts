/** The best of several sorted lists for each query; among equals the list that came first, then the order in the list. */
export interface BestOf {
  /**
   * @param values `queries * width` similarities, falling in each row
   * @param positions of the same shape, counted from `start`
   */
  add(values: Float32Array, positions: BigInt64Array, width: number, start: number): void
  /** Positions and distances (1 - similarity) of a query. */
  of(query: number): [positions: Int32Array, distances: Float32Array]
}

export function mergeBest(queries: number, k: number): BestOf {
  let values = new Float32Array(queries * k)
  let positions = new Int32Array(queries * k)
  // Swapped with the two above at every merge, so that nothing is moved in place.
  let otherValues = new Float32Array(queries * k)
  let otherPositions = new Int32Array(queries * k)
  let filled = 0
  return {
    add(newValues, newPositions, width, start) {
      const length = Math.min(k, filled + width)
      for (let query = 0; query < queries; query++) {
        const offset = query * k
        let a = 0
        let b = 0
        for (let i = 0; i < length; i++) {
          const fromOld = b >= width || (a < filled && values[offset + a]! >= newValues[query * width + b]!)
          if (fromOld) {
            otherValues[offset + i] = values[offset + a]!
            otherPositions[offset + i] = positions[offset + a]!
            a++
          } else {
            otherValues[offset + i] = newValues[query * width + b]!
            otherPositions[offset + i] = start + Number(newPositions[query * width + b]!)
            b++
          }
        }
      }
      filled = length
      ;[values, otherValues] = [otherValues, values]
      ;[positions, otherPositions] = [otherPositions, positions]
    },
    of(query) {
      const from = query * k
      return [
        positions.slice(from, from + filled),
        Float32Array.from(values.subarray(from, from + filled), (value) => 1 - value),
      ]
    },
  }
}
