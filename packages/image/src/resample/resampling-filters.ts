import type { Interpolation } from '@lookalike/core'

/** A resampling kernel: its half width in source pixels, and its weight at a distance. */
interface ResamplingFilter {
  readonly support: number
  weight(x: number): number
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

/** Pillow's kernels. `nearest` has none: it picks pixels. */
export const RESAMPLING_FILTERS: Readonly<Record<Exclude<Interpolation, 'nearest'>, ResamplingFilter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight(x) {
      const distance = Math.abs(x)
      return distance >= 1 ? 0 : sinc(distance) * (0.54 + 0.46 * Math.cos(distance * Math.PI))
    },
  },
  bicubic: {
    support: 2,
    // Keys' cubic convolution with a = -0.5.
    weight(x) {
      const a = -0.5
      const d = Math.abs(x)
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1
      if (d < 2) return (((d - 5) * d + 8) * d - 4) * a
      return 0
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}
