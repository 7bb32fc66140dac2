import { createRandom, LookalikeError, type Preprocessing } from '@lookalike/core'
import { createGraphBuilder, type OnnxModel } from '@lookalike/onnx'
import type { PreprocessingChanges } from '../network/merge-preprocessing.js'
import { finishNetwork, OPSET, PIXELS } from './finish-network.js'
import { type ConvolutionSize, convolution, groupNorm, type Layers, linear, standardisedConvolution } from './layers.js'

export interface ConvNetOptions {
  /** Edge of the square input in pixels; divisible by the stem's stride times 2 for each further stage. Default 64. */
  readonly imageSize?: number | undefined
  /** Channels of each stage; each stage after the first halves the picture. Default [48, 96, 192, 256]. */
  readonly widths?: readonly number[] | undefined
  /** Residual blocks of each stage. Default one each. */
  readonly depths?: readonly number[] | undefined
  /** The first convolution: edge of its kernel and its stride, in pixels. Default kernel 3, stride 2. */
  readonly stem?: { readonly kernel: number; readonly stride: number } | undefined
  /**
   * `group`: group norm before each convolution. `weight`: no norms; the filters themselves are standardised, which costs nothing at
   * inference. Default `group`.
   */
  readonly normalisation?: 'group' | 'weight' | undefined
  /** How the last picture becomes a vector: the mean over its places, or all its places (which keeps the layout). Default `mean`. */
  readonly pooling?: 'mean' | 'flatten' | undefined
  /** Length of the embedding. Default 256. */
  readonly embeddingDim?: number | undefined
  /** L2-normalise the embedding. Default true. */
  readonly normalise?: boolean | undefined
  /** Of the initial weights. Default 0. */
  readonly seed?: number | undefined
  /** Default: the whole picture on white, bicubic, mean and standard deviation 0.5. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

/** Undoes what a ReLU takes from the variance of a standard normal: sqrt(2 / (1 - 1 / pi)). */
const RELU_GAIN = Math.sqrt(2 / (1 - 1 / Math.PI))
/** Share of a branch in its block's sum, where no norm keeps the scale (Brock et al. 2021). */
const BRANCH = 0.2

/**
 * A small residual network (He et al. 2016, pre-activation) without batch norm, as an ONNX model with seeded first weights: `pixel_values`
 * [N, 3, S, S] to `embedding` [N, embeddingDim]. It trains from scratch on a few thousand drawings; the defaults have 1.8 M weights.
 *
 * @example
 * const model = buildConvNet({ imageSize: 64, embeddingDim: 128, seed: 1 })
 */
export function buildConvNet(options: ConvNetOptions = {}): OnnxModel {
  const {
    imageSize = 64,
    widths = [48, 96, 192, 256],
    depths = widths.map(() => 1),
    stem = { kernel: 3, stride: 2 },
    normalisation = 'group',
    pooling = 'mean',
    embeddingDim = 256,
    seed = 0,
  } = options
  const edge = lastEdge(imageSize, widths, depths, stem)
  const g = createGraphBuilder({ opset: OPSET, name: 'conv-net' })
  g.input(PIXELS, 'float32', ['N', 3, imageSize, imageSize])
  const layers: Layers = { g, random: createRandom(seed) }
  const parts = normalisation === 'group' ? grouped(layers) : standardised(layers)

  let channels = widths[0]!
  let x = parts.convolve(PIXELS, 'stem', { inputs: 3, outputs: channels, ...stem })
  for (const [stage, width] of widths.entries()) {
    parts.startStage()
    if (stage > 0) x = g.averagePool(x, { kernel: [2, 2], strides: [2, 2] })
    for (let block = 0; block < depths[stage]!; block++) {
      x = parts.block(x, `stages.${stage}.${block}`, channels, width)
      channels = width
    }
  }
  x = parts.activate(x, 'norm', channels)
  if (pooling === 'mean') x = g.globalAveragePool(x)
  const flat = g.flatten(x)
  const embedding = linear(layers, flat, 'head', pooling === 'mean' ? channels : channels * edge * edge, embeddingDim)
  return finishNetwork(g, embedding, {
    output: 'embedding',
    shape: ['N', embeddingDim],
    normalise: options.normalise ?? true,
    preprocessing: { ...drawings(imageSize), ...options.preprocessing },
    card: { builder: 'conv-net', seed: String(seed) },
  })
}

interface Parts {
  convolve(x: string, name: string, size: ConvolutionSize): string
  activate(x: string, name: string, channels: number): string
  startStage(): void
  block(x: string, name: string, inputs: number, outputs: number): string
}

/** norm, ReLU, 3 x 3, norm, ReLU, 3 x 3, plus the input. */
function grouped(layers: Layers): Parts {
  const { g } = layers
  const convolve: Parts['convolve'] = (x, name, size) => convolution(layers, x, name, size)
  const activate: Parts['activate'] = (x, name, channels) => g.relu(groupNorm(layers, x, name, channels))
  return {
    convolve,
    activate,
    startStage: () => {},
    block(x, name, inputs, outputs) {
      const first = convolve(activate(x, `${name}.norm1`, inputs), `${name}.conv1`, { inputs, outputs, kernel: 3 })
      const second = convolve(activate(first, `${name}.norm2`, outputs), `${name}.conv2`, {
        inputs: outputs,
        outputs,
        kernel: 3,
      })
      const kept = inputs === outputs ? x : convolve(x, `${name}.shortcut`, { inputs, outputs, kernel: 1 })
      return g.add(kept, second)
    },
  }
}

/** The same without norms: each branch is scaled down, and its input divided by the deviation that the sum is expected to have. */
function standardised(layers: Layers): Parts {
  const { g } = layers
  let variance = 1
  const scale = (x: string, factor: number) => (factor === 1 ? x : g.mul(x, g.floats(factor)))
  const convolve: Parts['convolve'] = (x, name, size) => standardisedConvolution(layers, x, name, size)
  const relu = (x: string, factor: number) => scale(g.relu(x), factor)
  return {
    convolve,
    activate: (x) => relu(x, RELU_GAIN / Math.sqrt(variance)),
    startStage: () => {
      variance = 1
    },
    block(x, name, inputs, outputs) {
      const first = convolve(relu(x, RELU_GAIN / Math.sqrt(variance)), `${name}.conv1`, { inputs, outputs, kernel: 3 })
      const second = convolve(relu(first, RELU_GAIN), `${name}.conv2`, { inputs: outputs, outputs, kernel: 3 })
      const kept = inputs === outputs ? x : convolve(x, `${name}.shortcut`, { inputs, outputs, kernel: 1 })
      variance = (inputs === outputs ? variance : 1) + BRANCH ** 2
      return g.add(kept, scale(second, BRANCH))
    },
  }
}

function lastEdge(
  imageSize: number,
  widths: readonly number[],
  depths: readonly number[],
  stem: { readonly kernel: number; readonly stride: number },
): number {
  const fail = (problem: string, expected: string) => {
    throw new LookalikeError(
      'encoder/conv-net-options',
      { problem, expected },
      { fields: { imageSize, widths, depths, stem } },
    )
  }
  if (widths.length === 0 || widths.length !== depths.length || depths.some((depth) => depth < 1)) {
    fail(`${widths.length} widths came with the depths [${depths.join(', ')}]`, 'a depth of at least 1 for each width')
  }
  if (stem.kernel % 2 === 0) fail(`The stem has a kernel of ${stem.kernel}`, 'an odd number of pixels')
  const factor = stem.stride * 2 ** (widths.length - 1)
  if (imageSize % factor) {
    fail(
      `${imageSize} pixels cannot be divided by ${factor}, the stem's stride and the stages' halvings`,
      `a multiple of ${factor}`,
    )
  }
  return imageSize / factor
}

const drawings = (imageSize: number): Preprocessing => ({
  resize: { mode: 'pad' },
  crop: { width: imageSize, height: imageSize },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
})
