import { float32, type GraphBuilder } from '@lookalike/onnx'
import type { Pca } from '../linear/fit-pca.js'

/** `(x - mean) components^T`, column `c` times `factor(c)`, as one product and one sum: `[N, dim]`. */
export function affine(
  g: GraphBuilder,
  x: string,
  {
    inputDim,
    dim,
    mean,
    components,
    factor,
  }: Pick<Pca, 'inputDim' | 'dim' | 'mean' | 'components'> & { readonly factor: (column: number) => number },
): string {
  const weight = new Float32Array(inputDim * dim)
  const bias = new Float32Array(dim)
  for (let c = 0; c < dim; c++) {
    let sum = 0
    for (let i = 0; i < inputDim; i++) {
      const value = components[c * inputDim + i]! * factor(c)
      weight[i * dim + c] = value
      sum -= value * mean[i]!
    }
    bias[c] = sum
  }
  return g.add(g.matMul(x, g.constant(float32(weight, [inputDim, dim]))), g.constant(float32(bias, [dim])))
}
