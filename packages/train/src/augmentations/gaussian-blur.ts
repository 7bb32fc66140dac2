import type { RawImage } from '@lookalike/core'

/** A Gaussian blur; the borders repeat. `sigma` in pixels, above 0. */
export function gaussianBlur({ data, width, height }: RawImage, sigma: number): RawImage {
  const kernel = gaussian(sigma)
  const wide = new Float32Array(data.length)
  for (let y = 0; y < height; y++) convolveLine(data, wide, y * width * 3, 3, width, kernel)
  const out = new Uint8ClampedArray(data.length)
  for (let x = 0; x < width; x++) convolveLine(wide, out, x * 3, width * 3, height, kernel)
  return { data: new Uint8Array(out.buffer), width, height }
}

/** The middle and one side, summing to 1 with the other side. */
function gaussian(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(3 * sigma))
  const kernel = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)))
  const sum = kernel.reduce((total, weight, i) => total + weight * (i === 0 ? 1 : 2), 0)
  return kernel.map((weight) => weight / sum)
}

function convolveLine(
  from: Uint8Array | Float32Array,
  to: Float32Array | Uint8ClampedArray,
  start: number,
  stride: number,
  length: number,
  kernel: Float32Array,
): void {
  for (let i = 0; i < length; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const base = start + channel
      let sum = kernel[0]! * from[base + i * stride]!
      for (let k = 1; k < kernel.length; k++) {
        sum +=
          kernel[k]! * (from[base + Math.max(0, i - k) * stride]! + from[base + Math.min(length - 1, i + k) * stride]!)
      }
      to[base + i * stride] = sum
    }
  }
}
