import { createRandom, type Random } from '@lookalike/core'
import { createGraphBuilder, float32, type GraphBuilder } from '@lookalike/onnx'
import type { AffineMap } from './fit-linear.js'
import { TRANSFORM_INPUT, TRANSFORM_OUTPUT, type Transform } from './transform.js'

export interface ResidualBottleneckShape {
  readonly paths: number
  readonly width: number
  /** Start of the linear map in front; without it there is none. */
  readonly front?: AffineMap | undefined
}

/**
 * `x + sum_p path_p(x)`, a path being three times Linear - norm - PReLU with a bottleneck, after a linear map. The last norm of
 * each path starts at zero, so that training starts from the map in front.
 */
export function buildResidualBottleneck(
  inputDim: number,
  outputDim: number,
  { paths, width, front }: ResidualBottleneckShape,
  seed: number,
): Transform {
  const g = createGraphBuilder({ name: 'residual-bottleneck' })
  const random = createRandom(seed)
  const given = g.l2Normalise(g.input(TRANSFORM_INPUT, 'float32', ['N', inputDim]))
  const x = front
    ? g.add(
        g.matMul(given, g.initializer('front.weight', float32(front.weight, [inputDim, outputDim]))),
        g.initializer('front.bias', float32(front.bias)),
      )
    : given
  let sum = x
  for (let path = 0; path < paths; path++) {
    const name = `path${path}`
    const narrow = stage(g, x, outputDim, width, `${name}.0`, random)
    const middle = stage(g, narrow, width, width, `${name}.1`, random)
    sum = g.add(sum, stage(g, middle, width, outputDim, `${name}.2`, random, 0))
  }
  g.output(g.l2Normalise(sum), TRANSFORM_OUTPUT, { shape: ['N', outputDim] })
  return { kind: 'residual-bottleneck', inputDim, outputDim, model: g.build() }
}

/** Linear - norm - PReLU, `hidden` times, then Linear. */
export function buildMlp(inputDim: number, outputDim: number, hidden: readonly number[], seed: number): Transform {
  const g = createGraphBuilder({ name: 'mlp' })
  const random = createRandom(seed)
  let x = g.l2Normalise(g.input(TRANSFORM_INPUT, 'float32', ['N', inputDim]))
  let dim = inputDim
  for (const [i, width] of hidden.entries()) {
    x = stage(g, x, dim, width, `hidden${i}`, random)
    dim = width
  }
  g.output(g.l2Normalise(linear(g, x, dim, outputDim, 'last', random)), TRANSFORM_OUTPUT, { shape: ['N', outputDim] })
  return { kind: 'mlp', inputDim, outputDim, model: g.build() }
}

function stage(g: GraphBuilder, x: string, from: number, to: number, name: string, random: Random, gain = 1): string {
  const scale = g.initializer(`${name}.norm.weight`, float32(new Float32Array(to).fill(gain)))
  const normed = g.layerNorm(linear(g, x, from, to, name, random), scale, zeros(g, `${name}.norm.bias`, to))
  return g.node('PRelu', [normed, g.initializer(`${name}.slope`, float32(new Float32Array(to).fill(0.25)))])
}

function linear(g: GraphBuilder, x: string, from: number, to: number, name: string, random: Random): string {
  const spread = Math.sqrt(2 / (from + to))
  const weight = Float32Array.from({ length: from * to }, () => random.normal() * spread)
  return g.add(g.matMul(x, g.initializer(`${name}.weight`, float32(weight, [from, to]))), zeros(g, `${name}.bias`, to))
}

function zeros(g: GraphBuilder, name: string, length: number): string {
  return g.initializer(name, float32(new Float32Array(length)))
}
