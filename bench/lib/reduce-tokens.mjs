/** Tokens on their first principal components, found on every fourth image for learning; channels of one scale first, and the result too. */
import { createRandom } from '@lookalike/core'

/** @returns `[images, places, dim]` */
export function reduceTokens({ data, places, channels }, items, dim) {
  const learn = items.flatMap(({ part }, image) => (part === 'learn' && image % 4 === 0 ? [image] : []))
  const all = data.slice()
  standardise(all, channels, learn, places)
  const vectors = principal(all, channels, learn, places, dim)
  const out = new Float32Array((all.length / channels) * dim)
  let squares = 0
  for (let token = 0; token < all.length / channels; token++) {
    for (let k = 0; k < dim; k++) {
      let sum = 0
      for (let c = 0; c < channels; c++) sum += vectors[k][c] * all[token * channels + c]
      out[token * dim + k] = sum
      squares += sum * sum
    }
  }
  const scale = Math.sqrt(out.length / squares)
  return out.map((value) => value * scale)
}

function standardise(all, channels, images, places) {
  const [sum, squares] = [new Float64Array(channels), new Float64Array(channels)]
  for (const image of images) {
    for (let i = image * places * channels; i < (image + 1) * places * channels; i++) {
      sum[i % channels] += all[i]
      squares[i % channels] += all[i] ** 2
    }
  }
  const count = images.length * places
  const middle = sum.map((value) => value / count)
  const inverse = squares.map((value, c) => 1 / Math.sqrt(value / count - middle[c] ** 2 + 1e-6))
  for (let i = 0; i < all.length; i++) all[i] = (all[i] - middle[i % channels]) * inverse[i % channels]
}

/** Orthogonal iteration on the covariance of every third token. */
function principal(all, channels, images, places, dim) {
  const covariance = new Float64Array(channels * channels)
  for (const image of images) {
    for (let p = image % 3; p < places; p += 3) {
      const at = (image * places + p) * channels
      for (let a = 0; a < channels; a++)
        for (let b = 0; b < channels; b++) covariance[a * channels + b] += all[at + a] * all[at + b]
    }
  }
  const random = createRandom('principal')
  let vectors = Array.from({ length: dim }, () => Float64Array.from({ length: channels }, () => random.normal()))
  for (let round = 0; round < 16; round++) {
    orthonormalise(vectors)
    if (round === 15) break
    vectors = vectors.map((vector) =>
      Float64Array.from({ length: channels }, (_, a) => {
        let sum = 0
        for (let b = 0; b < channels; b++) sum += covariance[a * channels + b] * vector[b]
        return sum
      }),
    )
  }
  return vectors
}

function orthonormalise(vectors) {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0)
  vectors.forEach((vector, i) => {
    for (const earlier of vectors.slice(0, i)) {
      const share = dot(vector, earlier)
      for (let c = 0; c < vector.length; c++) vector[c] -= share * earlier[c]
    }
    const length = Math.sqrt(dot(vector, vector))
    for (let c = 0; c < vector.length; c++) vector[c] /= length
  })
}
