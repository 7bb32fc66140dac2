import type { Random } from '@lookalike/core'
import { float32, type GraphBuilder } from '@lookalike/onnx'
import { filled, heNormal, truncatedNormal, xavierUniform } from './initialise.js'

/** What a layer needs: where its nodes go, and where its first weights come from. */
export interface Layers {
  readonly g: GraphBuilder
  readonly random: Random
}

/**
 * `x W + b` on the last axis. The weight lies as `[inputs, outputs]`: MatMul reads it as it is, also where a training graph feeds it.
 * `std` absent: Glorot's uniform.
 */
export function linear(
  { g, random }: Layers,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  std?: number,
): string {
  const shape = [inputs, outputs]
  const stream = random.fork(name)
  const data = std === undefined ? xavierUniform(shape, inputs, outputs, stream) : truncatedNormal(shape, std, stream)
  const weight = g.initializer(`${name}.weight`, float32(data, shape))
  const bias = g.initializer(`${name}.bias`, float32(filled([outputs], 0), [outputs]))
  return g.add(g.matMul(x, weight), bias)
}

export function layerNorm({ g }: Layers, x: string, name: string, dim: number, epsilon: number): string {
  const weight = g.initializer(`${name}.weight`, float32(filled([dim], 1), [dim]))
  const bias = g.initializer(`${name}.bias`, float32(filled([dim], 0), [dim]))
  return g.layerNorm(x, weight, bias, epsilon)
}

/** Written with Erf rather than as one Gelu node: onnxruntime fuses it, with the bias before it, into a faster kernel. */
export function gelu({ g }: Layers, x: string): string {
  return g.mul(g.mul(x, g.add(g.erf(g.div(x, g.floats(Math.SQRT2))), g.floats(1))), g.floats(0.5))
}

/** Groups of 16 channels, or one group where the channels do not divide so. */
export function groupNorm({ g }: Layers, x: string, name: string, channels: number): string {
  const weight = g.initializer(`${name}.weight`, float32(filled([channels], 1), [channels]))
  const bias = g.initializer(`${name}.bias`, float32(filled([channels], 0), [channels]))
  return g.node('GroupNormalization', [x, weight, bias], {
    num_groups: channels % 16 === 0 ? channels / 16 : 1,
    epsilon: 1e-5,
  })
}

export interface ConvolutionSize {
  readonly inputs: number
  readonly outputs: number
  readonly kernel: number
  readonly stride?: number | undefined
  /** Parts of the channels, each with filters of its own. Default 1. */
  readonly groups?: number | undefined
  /** Pixels added on top, on the left, below and on the right. Default: so many that stride 1 keeps the size. */
  readonly pads?: readonly [number, number, number, number] | undefined
}

/** A convolution with bias. */
export function convolution({ g, random }: Layers, x: string, name: string, size: ConvolutionSize): string {
  const { outputs, kernel } = size
  const inputs = size.inputs / (size.groups ?? 1)
  const shape = [outputs, inputs, kernel, kernel]
  const weight = g.initializer(
    `${name}.weight`,
    float32(heNormal(shape, inputs * kernel * kernel, random.fork(name)), shape),
  )
  const bias = g.initializer(`${name}.bias`, float32(filled([outputs], 0), [outputs]))
  return convolve(g, x, weight, bias, size)
}

/**
 * A convolution whose filters have zero mean and unit variance times a trained gain (Brock et al. 2021, scaled weight
 * standardisation). The standardising runs on the weights alone: at inference it folds away.
 */
export function standardisedConvolution(
  { g, random }: Layers,
  x: string,
  name: string,
  size: Omit<ConvolutionSize, 'groups'>,
): string {
  const { inputs, outputs, kernel } = size
  const shape = [outputs, inputs, kernel, kernel]
  const fanIn = inputs * kernel * kernel
  const weight = g.initializer(`${name}.weight`, float32(heNormal(shape, fanIn, random.fork(name)), shape))
  const gain = g.initializer(`${name}.gain`, float32(filled([outputs], 1), [outputs, 1, 1, 1]))
  const bias = g.initializer(`${name}.bias`, float32(filled([outputs], 0), [outputs]))
  const centred = g.sub(weight, g.reduceMean(weight, [1, 2, 3]))
  const variance = g.reduceMean(g.mul(centred, centred), [1, 2, 3])
  const length = g.sqrt(g.add(g.mul(variance, g.floats(fanIn)), g.floats(1e-4)))
  return convolve(g, x, g.mul(g.div(centred, length), gain), bias, size)
}

function convolve(
  g: GraphBuilder,
  x: string,
  weight: string,
  bias: string,
  { kernel, stride = 1, groups = 1, pads }: ConvolutionSize,
): string {
  return g.node('Conv', [x, weight, bias], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: pads ?? Array.from({ length: 4 }, () => (kernel - 1) >> 1),
    ...(groups > 1 && { group: groups }),
  })
}
