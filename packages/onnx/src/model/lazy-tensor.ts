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

/** From this many bytes on weights are read, or copied to where their values are aligned, only when they are asked for: mostly the runtime alone does. */
export const LARGE = 2 ** 20

/** Bytes that are read, or copied to where values are aligned, when they are asked for. */
export interface LazyBytes {
  /** Undefined for bytes in memory. */
  readonly part?: FilePart | undefined
  read(): Uint8Array
}

const lazy = new WeakMap<Tensor, LazyBytes>()

/** Where a tensor's values lie on disk, for tensors that are read when they are asked for. */
export const filePartOf = (tensor: Tensor): FilePart | undefined => lazy.get(tensor)?.part

/** Whether the values are read or copied when they are asked for. */
export const isLazy = (tensor: Tensor): boolean => lazy.has(tensor)

/** The bytes of a tensor's values, not copied; of a tensor in a file they are read. */
export function rawBytes(tensor: Tensor): Uint8Array {
  const known = lazy.get(tensor)
  // Not by way of the values: what they hold stays in memory until the caller's turn ends.
  if (known) return known.read()
  const { buffer, byteOffset, byteLength } = tensor.data as Exclude<Tensor['data'], readonly string[]>
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

/** A tensor whose values are made of the bytes when they are asked for, and forgotten when memory is short. */
export function lazyTensor(
  type: TensorType,
  shape: readonly number[],
  bytes: LazyBytes,
  valuesOf: (bytes: Uint8Array) => Tensor['data'],
): Tensor {
  let held: WeakRef<object> | undefined
  const tensor = {
    type,
    shape,
    get data() {
      const known = held?.deref()
      if (known) return known
      const values = valuesOf(bytes.read())
      held = new WeakRef(values)
      return values
    },
  } as Tensor
  lazy.set(tensor, bytes)
  return tensor
}
