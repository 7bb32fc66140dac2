import { createRandom } from '@lookalike/core'
import { float32, type GraphBuilder } from '@lookalike/onnx'

/** New layers of a pair model; every weight's first values follow the seed and its name alone. */
export interface Layers {
  readonly g: GraphBuilder
  readonly seed: number
}

const filled = (length: number, value: number) => new Float32Array(length).fill(value)

/** `x W + b` on the last axis; uniform in +-1/sqrt(inputs), or zero where `zero`. */
export function linear(
  { g, seed }: Layers,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  { bias = true, zero = false } = {},
): string {
  const random = createRandom(`${seed}/${name}`)
  const bound = 1 / Math.sqrt(inputs)
  const values = Float32Array.from({ length: inputs * outputs }, () => (zero ? 0 : (2 * random.next() - 1) * bound))
  const product = g.matMul(x, g.initializer(`${name}.weight`, float32(values, [inputs, outputs])))
  return bias ? g.add(product, g.initializer(`${name}.bias`, float32(filled(outputs, 0), [outputs]))) : product
}

export function layerNorm({ g }: Layers, x: string, name: string, dim: number): string {
  return g.layerNorm(
    x,
    g.initializer(`${name}.weight`, float32(filled(dim, 1), [dim])),
    g.initializer(`${name}.bias`, float32(filled(dim, 0), [dim])),
    1e-6,
  )
}

/** A learned vector for each token, added to it. */
export function addPositions({ g }: Layers, x: string, values: Float32Array, tokens: number, dim: number): string {
  return g.add(x, g.initializer('pair.positions', float32(values, [1, tokens, dim])))
}

/** A pre-norm transformer block (Vaswani et al. 2017, as in ViT) on `[N, tokens, dim]`. Branches start at zero, so the block starts as the identity. */
export function transformerBlock(layers: Layers, x: string, name: string, dim: number, heads: number): string {
  const { g } = layers
  const perHead = dim / heads
  const normed = layerNorm(layers, x, `${name}.norm1`, dim)
  const stacked = g.reshape(linear(layers, normed, `${name}.attn.qkv`, dim, 3 * dim), [0, 0, 3, heads, perHead])
  const [q, k, v] = g
    .split(g.transpose(stacked, [2, 0, 3, 1, 4]), [1, 1, 1], 0)
    .map((part) => g.squeeze(part, [0])) as [string, string, string]
  const scores = g.matMul(g.mul(q, g.floats(perHead ** -0.5)), g.transpose(k, [0, 1, 3, 2]))
  const mixed = g.reshape(g.transpose(g.matMul(g.softmax(scores), v), [0, 2, 1, 3]), [0, 0, dim])
  const attended = g.add(x, linear(layers, mixed, `${name}.attn.proj`, dim, dim, { zero: true }))
  const hidden = g.gelu(
    linear(layers, layerNorm(layers, attended, `${name}.norm2`, dim), `${name}.mlp.fc1`, dim, 4 * dim),
  )
  return g.add(attended, linear(layers, hidden, `${name}.mlp.fc2`, 4 * dim, dim, { zero: true }))
}
