/**
 * A query against all rows of a small gallery, in AssemblyScript, compiled to WebAssembly SIMD by `scripts/build-wasm.mjs`.
 *
 * Rows are 8-bit numbers, the query is of 16 bits, both filled up with zeros to `stride`, a multiple of 16. The sums fit 32 bits where the
 * query's largest value times 127 times the stride does.
 */
export function compareRows(rows: i32, stride: usize, data: usize, query: usize, sums: usize): void {
  for (let row = 0; row < rows; row++) {
    let even = i32x4.splat(0), odd = even
    for (let i: usize = 0; i < stride; i += 16) {
      const values = v128.load(data + i)
      even = i32x4.add(even, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), v128.load(query + (i << 1))))
      odd = i32x4.add(odd, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), v128.load(query + (i << 1), 16)))
    }
    const sum = i32x4.add(even, odd)
    store<i32>(
      sums + (<usize>row << 2),
      i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3),
    )
    data += stride
  }
}
