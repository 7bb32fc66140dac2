import type { ImageCode } from '../codes/image-code.js'

/** Local tokens of an image in int8: `tokens` holds two values a word, `embedding` what each token is divided by. */
export function quantiseTokens(tokens: Float32Array, dim: number): ImageCode {
  const count = tokens.length / dim
  const bytes = new Int8Array(tokens.length + (tokens.length % 2))
  const scales = new Float32Array(count)
  for (let token = 0; token < count; token++) {
    const from = token * dim
    let largest = 0
    for (let i = from; i < from + dim; i++) largest = Math.max(largest, Math.abs(tokens[i]!))
    scales[token] = largest / 127
    if (largest > 0) for (let i = from; i < from + dim; i++) bytes[i] = Math.round((127 * tokens[i]!) / largest)
  }
  return { tokens: new Uint16Array(bytes.buffer), embedding: scales }
}

/** The same back, into `out` from `offset` on. */
export function readTokens({ tokens, embedding }: ImageCode, dim: number, out: Float32Array, offset = 0): void {
  const bytes = new Int8Array(tokens.buffer, tokens.byteOffset, embedding.length * dim)
  for (let i = 0; i < bytes.length; i++) out[offset + i] = bytes[i]! * embedding[Math.floor(i / dim)]!
}

/** Takes the image's mean token away and brings the rest to length 1: what tells the places of an image apart. In place. */
export function centreTokens(tokens: Float32Array, dim: number): void {
  const count = tokens.length / dim
  const mean = new Float64Array(dim)
  for (let i = 0; i < tokens.length; i++) mean[i % dim]! += tokens[i]! / count
  for (let from = 0; from < tokens.length; from += dim) {
    let squares = 0
    for (let i = 0; i < dim; i++) squares += (tokens[from + i]! -= mean[i]!) ** 2
    const length = Math.sqrt(squares) || 1
    for (let i = from; i < from + dim; i++) tokens[i]! /= length
  }
}
