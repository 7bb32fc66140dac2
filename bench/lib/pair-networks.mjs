/**
 * Small networks that judge a pair by both images' tokens, `query` and `candidate` [N, places, channels] to `logit` [N, 1], larger for the same class. All start
 * with a logit of (almost) nothing, so that at first the search's own order stays.
 */
import { createRandom } from '@lookalike/core'
import { createGraphBuilder, float32 } from '@lookalike/onnx'

/**
 * What sees the pair, by how much:
 *
 * - `head`: the head alone, on the mean of each image's tokens;
 * - `places`: token by token, each with the one at the same place;
 * - `blocks`: transformer blocks on all tokens of both images, then token by token, as the plugin `stir` does it on feature maps;
 * - `match`: each token attends to the other image's tokens and is compared with what it found there: one weight a channel, one attention to places;
 * - `match-head`: the same, and the head compares.
 */
export const PAIR_NETWORKS = ['head', 'places', 'blocks', 'match', 'match-head']

export function pairNetwork(kind, { places, channels, dim, seed }) {
  const g = createGraphBuilder({ opset: 17, name: kind })
  const random = createRandom(`${seed}/${kind}`)
  const query = g.input('query', 'float32', ['N', places, channels])
  const candidate = g.input('candidate', 'float32', ['N', places, channels])
  const layers = createLayers(g, random)
  const both = g.concat([query, candidate], 1)
  const outputs = {
    head: () => {
      const [a, b] = [query, candidate].map((x) => g.reduceMean(x, [1], true))
      return compared(
        layers,
        layers.norm(layers.linear(g.concat([a, b], 1), 'project', channels, dim), 'norm', dim),
        1,
        dim,
      )
    },
    places: () =>
      compared(layers, layers.norm(layers.linear(both, 'project', channels, dim), 'norm', dim), places, dim),
    blocks: () => {
      let x = layers.norm(layers.linear(both, 'project', channels, dim), 'norm', dim)
      x = g.add(x, g.initializer('positions', positions(random, places, dim)))
      x = block(layers, x, 'block.0', dim)
      return compared(layers, layers.norm(x, 'final', dim), places, dim)
    },
    match: () => matched(layers, both, places, channels, dim, false),
    'match-head': () => matched(layers, both, places, channels, dim, true),
  }
  g.output(g.identity(outputs[kind]()), 'logit', { shape: ['N', 1] })
  return g.build()
}

function createLayers(g, random) {
  const uniform = (length, bound) => Float32Array.from({ length }, () => (2 * random.next() - 1) * bound)
  return {
    g,
    linear(x, name, inputs, outputs, { zero = false, bias = true } = {}) {
      const values = zero ? new Float32Array(inputs * outputs) : uniform(inputs * outputs, Math.sqrt(3 / inputs))
      const product = g.matMul(x, g.initializer(`${name}.weight`, float32(values, [inputs, outputs])))
      return bias ? g.add(product, g.initializer(`${name}.bias`, float32(new Float32Array(outputs)))) : product
    },
    norm: (x, name, dim) =>
      g.layerNorm(
        x,
        g.initializer(`${name}.weight`, float32(new Float32Array(dim).fill(1))),
        g.initializer(`${name}.bias`, float32(new Float32Array(dim))),
        1e-6,
      ),
  }
}

/** The two halves of the tokens, one by one: products and squared differences through a hidden layer, whose mean decides. */
function compared({ g, linear }, x, places, dim) {
  const [a, b] = g.split(x, [places, places], 1)
  const difference = g.sub(a, b)
  const features = g.concat([g.mul(a, b), g.mul(difference, difference)], -1)
  const hidden = g.reduceMean(g.gelu(linear(features, 'head.0', 2 * dim, dim >> 1)), [1], false)
  return linear(hidden, 'head.1', dim >> 1, 1, { zero: true, bias: false })
}

function positions(random, places, dim) {
  const place = Float32Array.from({ length: places * dim }, () => 0.3 * random.normal())
  const image = Float32Array.from({ length: 2 * dim }, () => 0.3 * random.normal())
  const values = Array.from(
    { length: 2 * places * dim },
    (_, i) => place[i % (places * dim)] + image[Math.floor(i / (places * dim)) * dim + (i % dim)],
  )
  return float32(values, [1, 2 * places, dim])
}

/** A pre-norm transformer block whose branches start at zero. */
function block({ g, linear, norm }, x, name, dim) {
  const [heads, per] = [Math.max(1, dim >> 5), Math.min(32, dim)]
  const stacked = g.reshape(linear(norm(x, `${name}.norm.0`, dim), `${name}.qkv`, dim, 3 * dim), [0, 0, 3, heads, per])
  const [q, k, v] = g.split(g.transpose(stacked, [2, 0, 3, 1, 4]), [1, 1, 1], 0).map((part) => g.squeeze(part, [0]))
  const scores = g.matMul(g.mul(q, g.floats(per ** -0.5)), g.transpose(k, [0, 1, 3, 2]))
  const mixed = g.reshape(g.transpose(g.matMul(g.softmax(scores), v), [0, 2, 1, 3]), [0, 0, dim])
  const attended = g.add(x, linear(mixed, `${name}.out`, dim, dim, { zero: true }))
  const hidden = g.gelu(linear(norm(attended, `${name}.norm.1`, dim), `${name}.mlp.0`, dim, 2 * dim))
  return g.add(attended, linear(hidden, `${name}.mlp.1`, 2 * dim, dim, { zero: true }))
}

/** Late interaction that learns: unit tokens, soft best matches both ways, and which places and channels count. */
function matched({ g, linear }, both, places, channels, dim, withHead) {
  const identity = Float32Array.from({ length: channels * dim }, (_, i) => (i % dim === Math.floor(i / dim) ? 1 : 0))
  const unit = g.l2Normalise(g.matMul(both, g.initializer('project.weight', float32(identity, [channels, dim]))))
  const [a, b] = g.split(unit, [places, places], 1)
  const cosines = g.mul(
    g.matMul(a, g.transpose(b, [0, 2, 1])),
    g.initializer('sharpness.weight', float32(Float32Array.of(12))),
  )
  const found = [g.matMul(g.softmax(cosines), b), g.matMul(g.softmax(g.transpose(cosines, [0, 2, 1])), a)]
  const own = g.concat([a, b], 1)
  const other = g.concat(found, 1)
  const attention = g.softmax(linear(own, 'attention', dim, 1, { zero: true, bias: false }), 1)
  const products = g.mul(own, other)
  const weights = g.initializer('channels.weight', float32(new Float32Array(dim).fill(1)))
  const similarity = g.reduceSum(g.mul(g.reduceSum(g.mul(products, weights), [2], true), attention), [1], false)
  const logit = g.mul(similarity, g.initializer('scale.weight', float32(Float32Array.of(1))))
  if (!withHead) return logit
  const difference = g.sub(own, other)
  const features = g.mul(g.concat([products, g.mul(difference, difference)], -1), g.floats(dim))
  const hidden = g.reduceSum(g.mul(g.gelu(linear(features, 'head.0', 2 * dim, dim >> 1)), attention), [1], false)
  return g.add(logit, linear(hidden, 'head.1', dim >> 1, 1, { zero: true, bias: false }))
}
