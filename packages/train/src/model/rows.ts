import { LookalikeError } from '@lookalike/core'
import { type Feeds, float32, sizeOf, type Tensor, type TensorOf } from '@lookalike/onnx'

/** The first dimension of all feeds. */
export function rowsOf(feeds: Feeds): number {
  const counts = new Set(Object.values(feeds).map(({ shape }) => shape[0] ?? 0))
  const [rows] = counts
  if (counts.size !== 1 || rows === undefined) {
    throw new LookalikeError(
      'train/rows',
      {
        problem: `The inputs have different numbers of rows: ${[...counts].join(', ')}`,
        expected: 'the same first dimension in all',
      },
      { fields: { shapes: Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape])) } },
    )
  }
  return rows
}

/** Rows `start` to `end` of every feed; the data is shared. */
export function sliceRows(feeds: Feeds, start: number, end: number): Feeds {
  return mapFeeds(feeds, (tensor, stride) =>
    withRows(
      tensor,
      end - start,
      tensor.data.slice === undefined ? tensor.data : subarray(tensor, start * stride, end * stride),
    ),
  )
}

/** The feeds with zeros behind their rows, up to `rows`. */
export function padRows(feeds: Feeds, rows: number): Feeds {
  if (rowsOf(feeds) === rows) return feeds
  return mapFeeds(feeds, (tensor, stride) => {
    const data = new (tensor.data.constructor as new (length: number) => Float32Array)(rows * stride)
    data.set(tensor.data as Float32Array)
    return withRows(tensor, rows, data)
  })
}

/** Chunks one after another, without what fills up the last. */
export function joinRows(
  parts: readonly Record<string, TensorOf<'float32'>>[],
  names: readonly string[],
  rows: number,
): Record<string, TensorOf<'float32'>> {
  return Object.fromEntries(
    names.map((name) => {
      const shape = [rows, ...parts[0]![name]!.shape.slice(1)]
      const stride = sizeOf(shape.slice(1))
      const data = new Float32Array(rows * stride)
      let at = 0
      for (const part of parts) {
        const piece = part[name]!
        const count = Math.min(piece.shape[0]!, rows - at)
        data.set(piece.data.subarray(0, count * stride), at * stride)
        at += count
      }
      return [name, float32(data, shape)]
    }),
  )
}

function mapFeeds(feeds: Feeds, change: (tensor: Tensor, stride: number) => Tensor): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, change(tensor, sizeOf(tensor.shape.slice(1)))]),
  )
}

function withRows(tensor: Tensor, rows: number, data: Tensor['data']): Tensor {
  return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], data } as Tensor
}

function subarray(tensor: Tensor, from: number, to: number): Tensor['data'] {
  return (tensor.data as Float32Array).subarray(from, to)
}
