import { createRandom, LookalikeError, type Preprocessing } from '@lookalike/core'
import { createGraphBuilder, type OnnxModel } from '@lookalike/onnx'
import type { PreprocessingChanges } from '../network/merge-preprocessing.js'
import { finishNetwork, OPSET, PIXELS } from './finish-network.js'
import { convolution, type Layers, linear } from './layers.js'

export interface EfficientNetLiteOptions {
  /** Edge of the square input in pixels, at least 32. Default 112. */
  readonly imageSize?: number | undefined
  /** Length of the embedding, made by a linear head over the 1,280 pooled channels. Default 256. */
  readonly embeddingDim?: number | undefined
  /** L2-normalise the embedding. Default true. */
  readonly normalise?: boolean | undefined
  /** Of the initial weights. Default 0. */
  readonly seed?: number | undefined
  /** Default: short edge to the image size, centre crop, bicubic, `(pixel - 127) / 128`. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

interface Stage {
  readonly blocks: number
  readonly kernel: number
  /** Of the stage's first block. */
  readonly stride: number
  /** Width inside a block as a multiple of its input's. */
  readonly expansion: number
  readonly channels: number
}

const STAGES: readonly Stage[] = [
  { blocks: 1, kernel: 3, stride: 1, expansion: 1, channels: 16 },
  { blocks: 2, kernel: 3, stride: 2, expansion: 6, channels: 24 },
  { blocks: 2, kernel: 5, stride: 2, expansion: 6, channels: 40 },
  { blocks: 3, kernel: 3, stride: 2, expansion: 6, channels: 80 },
  { blocks: 3, kernel: 5, stride: 1, expansion: 6, channels: 112 },
  { blocks: 4, kernel: 5, stride: 2, expansion: 6, channels: 192 },
  { blocks: 1, kernel: 3, stride: 1, expansion: 6, channels: 320 },
]
const STEM_CHANNELS = 32
const HEAD_CHANNELS = 1280

/**
 * EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation and with ReLU6) with its batch norms folded into the convolutions, as an ONNX
 * model with seeded first weights: `pixel_values` [N, 3, S, S] to `embedding` [N, embeddingDim]. It has 3.7 million weights and is to be filled with
 * trained ones: without norms it learns little from the first ones.
 *
 * Convolutions are named by their place: `stem`, `blocks.0.depthwise`, `blocks.0.project`, `blocks.1.expand`, ..., `head`; then the linear layer `embed`.
 *
 * @throws `encoder/efficientnet-lite-options`
 * @example
 * const model = buildEfficientNetLite({ imageSize: 112, embeddingDim: 256 })
 */
export function buildEfficientNetLite(options: EfficientNetLiteOptions = {}): OnnxModel {
  const { imageSize = 112, embeddingDim = 256, seed = 0 } = options
  if (!Number.isInteger(imageSize) || imageSize < 32)
    throw new LookalikeError(
      'encoder/efficientnet-lite-options',
      { problem: `imageSize is ${imageSize}`, expected: 'a whole number of pixels, at least 32' },
      { fields: { imageSize } },
    )
  const layers: Layers = {
    g: createGraphBuilder({ opset: OPSET, name: 'efficientnet-lite' }),
    random: createRandom(seed),
  }
  const { g } = layers
  g.input(PIXELS, 'float32', ['N', 3, imageSize, imageSize])
  let picture: Picture = { name: PIXELS, edge: imageSize, channels: 3 }
  picture = relu6(layers, convolve(layers, picture, 'stem', { outputs: STEM_CHANNELS, kernel: 3, stride: 2 }))
  let index = 0
  for (const { blocks, stride, ...stage } of STAGES)
    for (let at = 0; at < blocks; at++)
      picture = block(layers, picture, `blocks.${index++}`, { ...stage, stride: at === 0 ? stride : 1 })
  picture = relu6(layers, convolve(layers, picture, 'head', { outputs: HEAD_CHANNELS, kernel: 1 }))
  const pooled = g.flatten(g.globalAveragePool(picture.name))
  return finishNetwork(g, linear(layers, pooled, 'embed', HEAD_CHANNELS, embeddingDim), {
    output: 'embedding',
    shape: ['N', embeddingDim],
    normalise: options.normalise ?? true,
    preprocessing: { ...centreCrop(imageSize), ...options.preprocessing },
    card: { builder: 'efficientnet-lite', seed: String(seed) },
  })
}

interface Picture {
  readonly name: string
  /** Pixels of an edge. */
  readonly edge: number
  readonly channels: number
}

interface Convolution {
  readonly outputs: number
  readonly kernel: number
  readonly stride?: number
  /** One filter a channel. */
  readonly depthwise?: boolean
}

/** Expand by 1 x 1, filter each channel, project by 1 x 1, and add the input where the shapes agree (Sandler et al. 2018, fig. 3b). */
function block(
  layers: Layers,
  input: Picture,
  name: string,
  { kernel, stride, expansion, channels }: Omit<Stage, 'blocks'>,
): Picture {
  const width = input.channels * expansion
  let x = input
  if (expansion > 1) x = relu6(layers, convolve(layers, x, `${name}.expand`, { outputs: width, kernel: 1 }))
  x = relu6(layers, convolve(layers, x, `${name}.depthwise`, { outputs: width, kernel, stride, depthwise: true }))
  x = convolve(layers, x, `${name}.project`, { outputs: channels, kernel: 1 })
  return stride === 1 && channels === input.channels ? { ...x, name: layers.g.add(input.name, x.name) } : x
}

/** With TensorFlow's padding `SAME`, as the network was trained: where it is odd, the lower right side has one more. */
function convolve(
  layers: Layers,
  { name: x, edge, channels }: Picture,
  name: string,
  { outputs, kernel, stride = 1, depthwise = false }: Convolution,
): Picture {
  const after = Math.ceil(edge / stride)
  const padding = Math.max((after - 1) * stride + kernel - edge, 0)
  const [before, behind] = [padding >> 1, padding - (padding >> 1)]
  const result = convolution(layers, x, name, {
    inputs: channels,
    outputs,
    kernel,
    stride,
    groups: depthwise ? channels : 1,
    pads: [before, before, behind, behind],
  })
  return { name: result, edge: after, channels: outputs }
}

const relu6 = ({ g }: Layers, picture: Picture): Picture => ({
  ...picture,
  name: g.node('Clip', [picture.name, g.floats(0), g.floats(6)]),
})

const centreCrop = (imageSize: number): Preprocessing => ({
  resize: { mode: 'shortest-edge', size: imageSize },
  crop: { width: imageSize, height: imageSize },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [127 / 255, 127 / 255, 127 / 255],
  std: [128 / 255, 128 / 255, 128 / 255],
  channels: 'rgb',
  layout: 'nchw',
})
