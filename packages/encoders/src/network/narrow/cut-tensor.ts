import type { Tensor } from '@lookalike/onnx'
import type { Range } from './narrowing-rules.js'

export const cutShape = (shape: readonly number[], { axis, start, end }: Range): readonly number[] =>
  shape.map((size, i) => (i === axis ? end - start : size))

/** A part of a tensor along one axis, as a tensor of its own. */
export function cutTensor(tensor: Tensor, part: Range): Tensor {
  const { shape } = tensor
  const inner = shape.slice(part.axis + 1).reduce((product, size) => product * size, 1)
  const [from, to, step] = [part.start * inner, part.end * inner, shape[part.axis]! * inner]
  const data = (tensor.data as Float32Array).filter((_, i) => i % step >= from && i % step < to)
  return { type: tensor.type, shape: cutShape(shape, part), data } as Tensor
}
