import { float32, type Tensor } from '@lookalike/onnx'
import type { TrainableModel } from '@lookalike/train'

/** A copy of the weights as they are now. */
export const weightsOf = ({ parameters }: TrainableModel): Map<string, Tensor> =>
  new Map(parameters.map(({ name, shape, data }) => [name, float32(data.slice(), shape)]))
