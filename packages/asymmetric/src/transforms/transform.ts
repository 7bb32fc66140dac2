import type { OnnxModel } from '@lookalike/onnx'

/** Names of the tensors of a transform's model. */
export const TRANSFORM_INPUT = 'embedding'
export const TRANSFORM_OUTPUT = 'transformed'

/** A map from a gallery model's space into the query model's space. */
export interface Transform {
  readonly kind: string
  /** Length of the gallery model's embeddings. */
  readonly inputDim: number
  /** Length of the query model's embeddings. */
  readonly outputDim: number
  /** `embedding` `[N, inputDim]` in, `transformed` `[N, outputDim]` out; rows are made unit vectors before and after. */
  readonly model: OnnxModel
}

/** The two models' embeddings of the same images, row by row. */
export interface PairedEmbeddings {
  /** Row-major `[rows, inputDim]`, of the gallery model. */
  readonly from: Float32Array
  readonly inputDim: number
  /** Row-major `[rows, outputDim]`, of the query model. */
  readonly to: Float32Array
  readonly outputDim: number
  readonly rows: number
  /** Class of each row, 0 to classes - 1, where known. */
  readonly labels?: Int32Array | undefined
  readonly classes?: number | undefined
}
