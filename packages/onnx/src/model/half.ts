/** The single-precision bits of each of the 65,536 halves; made when first asked for. */
let singles: Uint32Array | undefined

function singleBits(): Uint32Array {
  const value = new Float32Array(1)
  const bits = new Uint32Array(value.buffer)
  return Uint32Array.from({ length: 65_536 }, (_, half) => {
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) value[0] = fraction * 2 ** -24
    else if (exponent === 31) value[0] = fraction ? NaN : Infinity
    else value[0] = (1 + fraction / 1024) * 2 ** (exponent - 15)
    return bits[0]! | ((half & 0x8000) << 16)
  })
}

/** IEEE 754 half precision to single precision; exact. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  singles ??= singleBits()
  const bits = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) bits[i] = singles[halves[i]!]!
  return new Float32Array(bits.buffer)
}

/** Single precision to half precision, rounded to nearest, ties to even; beyond 65,504 infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!
    const sign = (word >>> 16) & 0x8000
    const magnitude = word & 0x7fffffff
    let half: number
    if (magnitude > 0x7f800000) half = 0x7e00
    else if (magnitude >= 0x477ff000) half = 0x7c00
    else if (magnitude >= 0x38800000) {
      // Adding 0xfff plus the lowest kept bit rounds to nearest even; 0x38000000 moves the exponent's bias from 127 to 15.
      half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
    } else {
      // Subnormal halves are whole multiples of 2^-24.
      const scaled = Math.abs(values[i]!) * 2 ** 24
      const floor = Math.floor(scaled)
      const rest = scaled - floor
      half = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
    }
    out[i] = sign | half
  }
  return out
}
