import { createGraphBuilder, float32 } from '@lookalike/onnx'
import { TRANSFORM_INPUT, TRANSFORM_OUTPUT, type Transform } from './transform.js'

/** `normalise(normalise(x) W + b)` as a transform. */
export function buildLinear(
  kind: string,
  weight: Float32Array,
  inputDim: number,
  outputDim: number,
  bias?: Float32Array,
): Transform {
  const g = createGraphBuilder({ name: kind })
  const x = g.l2Normalise(g.input(TRANSFORM_INPUT, 'float32', ['N', inputDim]))
  const product = g.matMul(x, g.initializer('weight', float32(weight, [inputDim, outputDim])))
  const mapped = bias ? g.add(product, g.initializer('bias', float32(bias))) : product
  g.output(g.l2Normalise(mapped), TRANSFORM_OUTPUT, { shape: ['N', outputDim] })
  return { kind, inputDim, outputDim, model: g.build() }
}
