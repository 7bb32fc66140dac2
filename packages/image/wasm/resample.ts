/**
 * The two passes of `src/image/resample.ts` in AssemblyScript, compiled to WebAssembly SIMD by `scripts/build-wasm.mjs`.
 *
 * A weight of 22 fractional bits does not fit the 16 bits that one multiply-add takes, so it comes in two parts, `high * 4096 + low`. Sums of
 * both parts are kept apart in 32 bits and put together at the end; that they wrap in between does not matter, because the whole does not.
 * Weights lie in pairs of taps, `[high 0, high 1, low 0, low 1]` as int16.
 */

const LOW_BITS = 12
const PRECISION_BITS = 22
const PAIR = 8

// @ts-expect-error: decorators of AssemblyScript stand on functions
@inline
function finish(high: v128, low: v128): v128 {
  const half = i32x4.splat(1 << (PRECISION_BITS - 1))
  return i32x4.shr_s(i32x4.add(i32x4.add(i32x4.shl(high, LOW_BITS), low), half), PRECISION_BITS)
}

// @ts-expect-error
@inline
function clamp(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}

// @ts-expect-error
@inline
function multiplyAdd(sum: v128, pixels: v128, weights: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(pixels, weights))
}

/** Red, green and blue of the first and second of four pixels side by side, as int16. */
// @ts-expect-error
@inline
function firstPair(pixels: v128): v128 {
  return i8x16.shuffle(pixels, i8x16.splat(0), 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16)
}

// @ts-expect-error
@inline
function secondPair(pixels: v128): v128 {
  return i8x16.shuffle(pixels, i8x16.splat(0), 6, 16, 9, 16, 7, 16, 10, 16, 8, 16, 11, 16, 16, 16, 16, 16)
}

/**
 * RGB rows to rows of `width` pixels. Works on four rows at once, so up to three rows more than `rows` are read and written; 16 bytes behind the
 * last row are read, one byte behind each written row is overwritten. `taps` is a multiple of four.
 */
export function resizeColumns(
  source: usize, sourceStride: usize, rows: i32, starts: usize, weights: usize, taps: i32, width: i32, target: usize, targetStride: usize,
): void {
  for (let y = 0; y < rows; y += 4) {
    let to = target
    let k = weights
    for (let x = 0; x < width; x++) {
      let a = source + <usize>load<i32>(starts + (<usize>x << 2)) * 3
      let b = a + sourceStride
      let c = b + sourceStride
      let d = c + sourceStride
      let highA = i32x4.splat(0), highB = highA, highC = highA, highD = highA
      let lowA = highA, lowB = highA, lowC = highA, lowD = highA
      for (let tap = 0; tap < taps; tap += 4) {
        const pixelsA = v128.load(a), pixelsB = v128.load(b), pixelsC = v128.load(c), pixelsD = v128.load(d)
        let high = v128.load32_splat(k), low = v128.load32_splat(k, 4)
        let p = firstPair(pixelsA)
        highA = multiplyAdd(highA, p, high)
        lowA = multiplyAdd(lowA, p, low)
        p = firstPair(pixelsB)
        highB = multiplyAdd(highB, p, high)
        lowB = multiplyAdd(lowB, p, low)
        p = firstPair(pixelsC)
        highC = multiplyAdd(highC, p, high)
        lowC = multiplyAdd(lowC, p, low)
        p = firstPair(pixelsD)
        highD = multiplyAdd(highD, p, high)
        lowD = multiplyAdd(lowD, p, low)
        high = v128.load32_splat(k, 8)
        low = v128.load32_splat(k, 12)
        p = secondPair(pixelsA)
        highA = multiplyAdd(highA, p, high)
        lowA = multiplyAdd(lowA, p, low)
        p = secondPair(pixelsB)
        highB = multiplyAdd(highB, p, high)
        lowB = multiplyAdd(lowB, p, low)
        p = secondPair(pixelsC)
        highC = multiplyAdd(highC, p, high)
        lowC = multiplyAdd(lowC, p, low)
        p = secondPair(pixelsD)
        highD = multiplyAdd(highD, p, high)
        lowD = multiplyAdd(lowD, p, low)
        k += 2 * PAIR
        a += 12
        b += 12
        c += 12
        d += 12
      }
      const pixels = clamp(finish(highA, lowA), finish(highB, lowB), finish(highC, lowC), finish(highD, lowD))
      let place = to
      v128.store_lane<u32>(place, pixels, 0)
      place += targetStride
      v128.store_lane<u32>(place, pixels, 1)
      place += targetStride
      v128.store_lane<u32>(place, pixels, 2)
      place += targetStride
      v128.store_lane<u32>(place, pixels, 3)
      to += 3
    }
    source += sourceStride << 2
    target += targetStride << 2
  }
}

/** Rows to `height` rows of the same length, a multiple of 16 bytes. `taps` is even. */
export function resizeRows(
  source: usize, stride: usize, starts: usize, weights: usize, taps: i32, height: i32, target: usize,
): void {
  for (let y = 0; y < height; y++) {
    const first = source + <usize>load<i32>(starts + (<usize>y << 2)) * stride
    for (let x: usize = 0; x < stride; x += 16) {
      let k = weights
      let p = first + x
      let high0 = i32x4.splat(0), high1 = high0, high2 = high0, high3 = high0
      let low0 = high0, low1 = high0, low2 = high0, low3 = high0
      for (let tap = 0; tap < taps; tap += 2) {
        const a = v128.load(p), b = v128.load(p + stride)
        const high = v128.load32_splat(k), low = v128.load32_splat(k, 4)
        const front = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
        const back = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
        let pair = i16x8.extend_low_i8x16_u(front)
        high0 = multiplyAdd(high0, pair, high)
        low0 = multiplyAdd(low0, pair, low)
        pair = i16x8.extend_high_i8x16_u(front)
        high1 = multiplyAdd(high1, pair, high)
        low1 = multiplyAdd(low1, pair, low)
        pair = i16x8.extend_low_i8x16_u(back)
        high2 = multiplyAdd(high2, pair, high)
        low2 = multiplyAdd(low2, pair, low)
        pair = i16x8.extend_high_i8x16_u(back)
        high3 = multiplyAdd(high3, pair, high)
        low3 = multiplyAdd(low3, pair, low)
        k += PAIR
        p += stride << 1
      }
      v128.store(target + x, clamp(finish(high0, low0), finish(high1, low1), finish(high2, low2), finish(high3, low3)))
    }
    weights += <usize>(taps >> 1) * PAIR
    target += stride
  }
}
