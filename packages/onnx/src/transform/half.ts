/** The 16 bits of the IEEE half nearest to a number; ties to even. */
export function toHalfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24)
  const exponent = Math.floor(Math.log2(size))
  // log2 may round up just below a power of two.
  const power = 2 ** exponent > size ? exponent - 1 : exponent
  const fraction = roundEven((size / 2 ** power - 1) * 1024)
  return sign | (((power + 15) << 10) + fraction)
}

function roundEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
