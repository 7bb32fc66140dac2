import { unitRows } from '@lookalike/core'
import { fitPca, type Pca } from '../linear/fit-pca.js'

/**
 * What heads work on: unit embeddings of the encoder along their principal components over the training images (ours). With as many components
 * as the images span it keeps their distances, and heads are far smaller. `centred` also takes the mean away, which spreads the cosines.
 */
export interface FeatureMap {
  readonly pca: Pca
  /** Multiplies the result, so that the mean squared length over the training images is 1. */
  readonly scale: number
}

export function fitFeatureMap(
  embeddings: Float32Array,
  inputDim: number,
  components: number,
  centred: boolean,
): FeatureMap {
  const unit = unitRows(embeddings, inputDim)
  // PCA about the origin is that of the rows and their negatives.
  const fitted = centred ? fitPca(unit, inputDim, components) : fitPca(withNegatives(unit), inputDim, components)
  const plain: FeatureMap = { pca: fitted, scale: 1 }
  const mapped = mapFeatures(plain, embeddings)
  let squares = 0
  for (const value of mapped) squares += value * value
  return { pca: fitted, scale: 1 / (Math.sqrt(squares / (embeddings.length / inputDim)) || 1) }
}

/** `[rows, pca.dim]`. */
export function mapFeatures({ pca, scale }: FeatureMap, embeddings: Float32Array): Float32Array {
  const unit = unitRows(embeddings, pca.inputDim)
  const { inputDim, dim, mean, components } = pca
  const mapped = new Float32Array((embeddings.length / inputDim) * dim)
  for (let row = 0; row * inputDim < unit.length; row++) {
    for (let c = 0; c < dim; c++) {
      let sum = 0
      for (let i = 0; i < inputDim; i++) sum += (unit[row * inputDim + i]! - mean[i]!) * components[c * inputDim + i]!
      mapped[row * dim + c] = sum * scale
    }
  }
  return mapped
}

function withNegatives(data: Float32Array): Float32Array {
  const both = new Float32Array(data.length * 2)
  both.set(data)
  both.set(
    data.map((value) => -value),
    data.length,
  )
  return both
}
