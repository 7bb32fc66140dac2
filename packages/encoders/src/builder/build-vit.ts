import { createRandom, LookalikeError, type Preprocessing } from '@lookalike/core'
import { createGraphBuilder, float32, type OnnxModel, TO_END } from '@lookalike/onnx'
import type { PreprocessingChanges } from '../network/merge-preprocessing.js'
import { finishNetwork, OPSET, PIXELS, type Size } from './finish-network.js'
import { truncatedNormal } from './initialise.js'
import { convolution, gelu, groupNorm, type Layers, layerNorm, linear } from './layers.js'

export interface VitOptions {
  /** Input size in pixels; `[height, width]` where they differ. */
  readonly imageSize: number | readonly [number, number]
  /** Edge of a patch in pixels; divides the image's edges. */
  readonly patchSize: number
  /** Length of a token. */
  readonly dim: number
  /** Number of blocks. */
  readonly depth: number
  /** Attention heads; divide `dim`. */
  readonly heads: number
  /** Width of a block's MLP as a multiple of `dim`. Default 4. */
  readonly mlpRatio?: number | undefined
  /** DeiT's distillation token beside the class token. Default false. */
  readonly distillation?: boolean | undefined
  /** Number of register tokens, which have no position and no output. Default 0. */
  readonly registers?: number | undefined
  /**
   * `patch`: one linear map of each patch. `conv`: 3 x 3 convolutions of stride 2 up to the patch size, which must be a power of two;
   * it trains better from scratch. Default `patch`.
   */
  readonly stem?: 'patch' | 'conv' | undefined
  /**
   * What is read out: the class token (with `distillation` its mean with the distillation token), the mean of the patches, or with
   * `none` all tokens as `last_hidden_state` [N, tokens, dim], neither projected nor normalised. Default `class-token`.
   */
  readonly pooling?: 'class-token' | 'mean' | 'none' | undefined
  /** Length of the embedding, made by a linear head (two with `distillation`, averaged). Default: no head, `dim`. */
  readonly embeddingDim?: number | undefined
  /** L2-normalise the embedding. Default true. */
  readonly normalise?: boolean | undefined
  /** Layer norm's epsilon: 1e-6 as in timm's ViT and DeiT, 1e-12 as in Hugging Face's. Default 1e-6. */
  readonly epsilon?: number | undefined
  /** Of the initial weights. Default 0. */
  readonly seed?: number | undefined
  /** Default: short edge to the image size, centre crop, bicubic, mean and standard deviation 0.5. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

/** Standard deviation of the first weights, as in ViT and DeiT. */
const STD = 0.02

/**
 * A vision transformer (Dosovitskiy et al. 2021) or DeiT (Touvron et al. 2021) of any size as an ONNX model with seeded first weights:
 * `pixel_values` [N, 3, H, W] to `embedding` [N, embeddingDim].
 *
 * Weights are named as in timm (`blocks.0.attn.qkv.weight`); those of linear layers lie as `[inputs, outputs]`.
 *
 * @example
 * const model = buildVit({ imageSize: 64, patchSize: 8, dim: 192, depth: 12, heads: 3, embeddingDim: 128 })
 * await saveModel('vit.onnx', model)
 */
export function buildVit(options: VitOptions): OnnxModel {
  const {
    dim,
    depth,
    heads,
    patchSize,
    mlpRatio = 4,
    distillation = false,
    registers = 0,
    epsilon = 1e-6,
    seed = 0,
  } = options
  const size = sizeOfInput(options.imageSize)
  checkOptions(options, size)
  const g = createGraphBuilder({ opset: OPSET, name: 'vit' })
  g.input(PIXELS, 'float32', ['N', 3, size.height, size.width])
  const layers: Layers = { g, random: createRandom(seed) }

  const prefix = 1 + (distillation ? 1 : 0)
  let tokens = embedTokens(layers, options, size, prefix)
  for (let block = 0; block < depth; block++) {
    const name = `blocks.${block}`
    const attended = attention(
      layers,
      layerNorm(layers, tokens, `${name}.norm1`, dim, epsilon),
      `${name}.attn`,
      dim,
      heads,
    )
    tokens = g.add(tokens, attended)
    const normed = layerNorm(layers, tokens, `${name}.norm2`, dim, epsilon)
    const hidden = gelu(layers, linear(layers, normed, `${name}.mlp.fc1`, dim, dim * mlpRatio, STD))
    tokens = g.add(tokens, linear(layers, hidden, `${name}.mlp.fc2`, dim * mlpRatio, dim, STD))
  }
  tokens = layerNorm(layers, tokens, 'norm', dim, epsilon)
  const common = {
    preprocessing: { ...photographs(size), ...options.preprocessing },
    card: { builder: 'vit', seed: String(seed), patchSize: String(patchSize) },
  }
  const { pooling = 'class-token' } = options
  if (pooling === 'none') {
    const count = prefix + registers + (size.height / patchSize) * (size.width / patchSize)
    return finishNetwork(g, tokens, {
      output: 'last_hidden_state',
      shape: ['N', count, dim],
      normalise: false,
      ...common,
    })
  }
  const embedding = readOut(layers, tokens, options, prefix + registers)
  return finishNetwork(g, embedding, {
    output: 'embedding',
    shape: ['N', options.embeddingDim ?? dim],
    normalise: options.normalise ?? true,
    ...common,
  })
}

const sizeOfInput = (imageSize: VitOptions['imageSize']): Size =>
  typeof imageSize === 'number'
    ? { height: imageSize, width: imageSize }
    : { height: imageSize[0], width: imageSize[1] }

function checkOptions({ patchSize, dim, heads, stem, mlpRatio = 4 }: VitOptions, { height, width }: Size): void {
  const fail = (problem: string, expected: string) => {
    throw new LookalikeError(
      'encoder/vit-options',
      { problem, expected },
      { fields: { patchSize, dim, heads, height, width } },
    )
  }
  if (height % patchSize || width % patchSize) {
    fail(`Patches of ${patchSize} do not tile ${width} x ${height} pixels`, 'a patch size that divides both edges')
  }
  if (dim % heads) fail(`${heads} heads do not divide ${dim} dimensions`, 'a number of heads that divides dim')
  if (!Number.isInteger(dim * mlpRatio))
    fail(`An MLP of ${mlpRatio} times ${dim} has no whole width`, 'a whole number of units')
  if (stem === 'conv' && (!Number.isInteger(Math.log2(patchSize)) || dim % 2 ** (Math.log2(patchSize) - 1))) {
    fail(
      `A convolutional stem cannot make patches of ${patchSize} with ${dim} dimensions`,
      'a power of two, and a dim that it divides',
    )
  }
}

/** Patches with class, distillation and register tokens in front and positions added: `[N, tokens, dim]`. */
function embedTokens(layers: Layers, options: VitOptions, size: Size, prefix: number): string {
  const { g, random } = layers
  const { dim, patchSize, stem = 'patch', registers = 0, distillation = false } = options
  const patches = (size.height / patchSize) * (size.width / patchSize)
  const embedded = stem === 'patch' ? linearPatches(layers, options, size) : convolvedPatches(layers, options)
  const token = (name: string, count = 1) =>
    g.initializer(name, float32(truncatedNormal([1, count, dim], STD, random.fork(name)), [1, count, dim]))

  // The leading tokens are the same for every image, so zeros are put in front of the patches and one table, which holds tokens and
  // positions, is added: no node depends on the batch's size, and at inference the table folds into a constant.
  const leading = [token('cls_token'), ...(distillation ? [token('dist_token')] : [])]
  const placed = g.pad(g.concat(leading, 1), [0, 0, 0, 0, patches, 0])
  let table = g.add(placed, token('pos_embed', prefix + patches))
  if (registers > 0) {
    const part = (from: number, to: number) => g.slice(table, [from], [to], [1])
    table = g.concat([part(0, prefix), token('reg_token', registers), part(prefix, prefix + patches)], 1)
  }
  return g.add(g.pad(embedded, [0, prefix + registers, 0, 0, 0, 0]), table)
}

function linearPatches(layers: Layers, { patchSize: p, dim }: VitOptions, { height, width }: Size): string {
  const { g } = layers
  const rows = height / p
  const columns = width / p
  const ordered = g.transpose(g.reshape(PIXELS, [0, 3, rows, p, columns, p]), [0, 2, 4, 1, 3, 5])
  const flat = g.reshape(ordered, [0, rows * columns, 3 * p * p])
  return linear(layers, flat, 'patch_embed.proj', 3 * p * p, dim)
}

/** Early convolutions (Xiao et al. 2021): halvings of the image that double the channels, then a 1 x 1 convolution to `dim`. */
function convolvedPatches(layers: Layers, { patchSize, dim }: VitOptions): string {
  const { g } = layers
  const halvings = Math.log2(patchSize)
  let x = PIXELS
  let channels = 3
  for (let i = 0; i < halvings; i++) {
    const name = `patch_embed.stem.${i}`
    const outputs = dim / 2 ** (halvings - 1 - i)
    x = convolution(layers, x, `${name}.conv`, { inputs: channels, outputs, kernel: 3, stride: 2 })
    x = g.relu(groupNorm(layers, x, `${name}.norm`, outputs))
    channels = outputs
  }
  const projected = convolution(layers, x, 'patch_embed.proj', { inputs: channels, outputs: dim, kernel: 1 })
  return g.transpose(g.reshape(projected, [0, dim, -1]), [0, 2, 1])
}

/** Multi-head self-attention of `x` `[N, tokens, dim]`. */
function attention(layers: Layers, x: string, name: string, dim: number, heads: number): string {
  const { g } = layers
  const perHead = dim / heads
  const stacked = g.reshape(linear(layers, x, `${name}.qkv`, dim, 3 * dim, STD), [0, 0, 3, heads, perHead])
  const apart = g.split(g.transpose(stacked, [2, 0, 3, 1, 4]), [1, 1, 1], 0)
  const [q, k, v] = apart.map((part) => g.squeeze(part, [0])) as [string, string, string]
  const scores = g.matMul(g.mul(q, g.floats(perHead ** -0.5)), g.transpose(k, [0, 1, 3, 2]))
  const mixed = g.matMul(g.softmax(scores), v)
  return linear(layers, g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [0, 0, dim]), `${name}.proj`, dim, dim, STD)
}

function readOut(layers: Layers, tokens: string, options: VitOptions, leading: number): string {
  const { g } = layers
  const { dim, embeddingDim, distillation = false, pooling = 'class-token' } = options
  const head = (x: string, name: string) =>
    embeddingDim === undefined ? x : linear(layers, x, name, dim, embeddingDim)
  if (pooling === 'mean') {
    return head(g.reduceMean(g.slice(tokens, [leading], [TO_END], [1]), [1], false), 'head')
  }
  const token = (index: number) => g.gather(tokens, g.integers(index), 1)
  if (!distillation) return head(token(0), 'head')
  return g.mul(g.add(head(token(0), 'head'), head(token(1), 'head_dist')), g.floats(0.5))
}

const photographs = ({ height, width }: Size): Preprocessing => ({
  resize: height === width ? { mode: 'shortest-edge', size: height } : { mode: 'squash' },
  crop: { width, height },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
})
