const OFFSET = 1080
const POWERS_OF_TWO = Float64Array.from({ length: 2 * OFFSET }, (_, i) => 2 ** (i - OFFSET))

/**
 * `exp(x)` to a relative error below 1e-9 for x from -700 to 700; 0 below, infinity above. Matrices of cosines hold millions
 * of values, and this is several times faster than `Math.exp`, whose last digits a Float32Array would drop.
 */
export function fastExp(x: number): number {
  // Not `Math.min`: this form keeps NaN.
  if (x < -700) return 0
  if (x > 700) return Infinity
  const k = Math.floor(x * Math.LOG2E + 0.5)
  const f = x - k * Math.LN2
  const series =
    1 +
    f *
      (1 + f * (1 / 2 + f * (1 / 6 + f * (1 / 24 + f * (1 / 120 + f * (1 / 720 + f * (1 / 5040 + f * (1 / 40320))))))))
  return series * POWERS_OF_TWO[k + OFFSET]!
}
