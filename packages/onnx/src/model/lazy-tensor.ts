import type { Tensor, TensorType } from './tensor.js'

/** Where a tensor's values lie in a file beside the model. */
export interface FilePart {
  /** Absolute path of the model's folder. */
  readonly folder: string
  /** Relative to the folder. */
  readonly location: string
  /** Bytes. */
  readonly offset: number
  /** Bytes. */
  readonly length: number
}

const parts = new WeakMap<Tensor, FilePart>()

/** Where a tensor's values lie on disk, for tensors that are read when they are asked for. */
export function filePartOf(tensor: Tensor): FilePart | undefined {
  return parts.get(tensor)
}

/** A tensor whose values are read when they are asked for, and forgotten when memory is short. */
export function lazyTensor(
  type: TensorType,
  shape: readonly number[],
  part: FilePart,
  read: () => Tensor['data'],
): Tensor {
  let held: WeakRef<object> | undefined
  const tensor = {
    type,
    shape,
    get data() {
      const known = held?.deref()
      if (known) return known
      const values = read()
      held = new WeakRef(values)
      return values
    },
  } as Tensor
  parts.set(tensor, part)
  return tensor
}
