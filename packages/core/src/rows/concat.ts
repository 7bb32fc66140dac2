/**
 * Arrays one after another in a new one of their kind.
 *
 * @example
 * concat([Float32Array.of(1, 2), Float32Array.of(3)]) // Float32Array [1, 2, 3]
 */
export function concat<T extends Float32Array | Float64Array | Int32Array | Uint8Array>(
  arrays: readonly [T, ...T[]],
): T {
  const length = arrays.reduce((sum, array) => sum + array.length, 0)
  const result = new (arrays[0].constructor as new (length: number) => T)(length)
  let at = 0
  for (const array of arrays) {
    result.set(array, at)
    at += array.length
  }
  return result
}
