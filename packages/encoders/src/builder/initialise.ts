import type { Random } from '@lookalike/core'

const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)

export const filled = (shape: readonly number[], value: number) => new Float32Array(sizeOf(shape)).fill(value)

/** Normal with mean 0 and the standard deviation `std`, drawn again beyond two standard deviations. */
export function truncatedNormal(shape: readonly number[], std: number, random: Random): Float32Array {
  const data = new Float32Array(sizeOf(shape))
  for (let i = 0; i < data.length; i++) {
    let value = random.normal()
    while (Math.abs(value) > 2) value = random.normal()
    data[i] = value * std
  }
  return data
}

/** Uniform in [-limit, limit] with limit = sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010). */
export function xavierUniform(shape: readonly number[], fanIn: number, fanOut: number, random: Random): Float32Array {
  const limit = Math.sqrt(6 / (fanIn + fanOut))
  return new Float32Array(sizeOf(shape)).map(() => (2 * random.next() - 1) * limit)
}

/** Normal with the variance 2 / fanIn, for layers before a ReLU (He et al. 2015). */
export function heNormal(shape: readonly number[], fanIn: number, random: Random): Float32Array {
  const std = Math.sqrt(2 / fanIn)
  return new Float32Array(sizeOf(shape)).map(() => random.normal() * std)
}
