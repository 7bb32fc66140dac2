import { LookalikeError } from '@lookalike/core'
import { createSession, type Execution, type Feeds, float32, sizeOf, type Tensor } from '@lookalike/onnx'
import type { BatchLoader } from '../loading/create-batch-loader.js'
import type { FrozenSplit } from '../model/split-frozen.js'

/** What the frozen part of a network makes of images, computed once for each augmented view of them. */
export interface FrozenOutputs {
  /** For the trained part, of images as they come. */
  ofPixels(feeds: Feeds): Promise<Feeds>
  /** For the trained part, of training images by their positions; made when the view first comes. */
  ofView(view: number, positions: Int32Array): Promise<{ readonly positions: Int32Array; readonly feeds: Feeds }>
  dispose(): Promise<void>
}

export interface FrozenOutputsOptions {
  readonly split: FrozenSplit
  readonly loader: BatchLoader
  /** Number of training images. */
  readonly images: number
  /** Different augmentations of each. */
  readonly views: number
  /** Images that go through the network at once. */
  readonly chunk: number
  /** Most bytes. */
  readonly memory: number
  readonly execution: Execution
  feedsOf(pixels: Float32Array): Feeds
}

interface Kept {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** One view of all images. Those that cannot be read are stood in for by others. */
interface View {
  readonly positions: Int32Array
  readonly tensors: ReadonlyMap<string, Kept>
}

/** @throws from its functions: `train/frozen-memory`, `train/frozen-output` */
export async function createFrozenOutputs(options: FrozenOutputsOptions): Promise<FrozenOutputs> {
  const { split, feedsOf } = options
  const session = await createSession(split.frozen, options.execution)
  const views = new Map<number, Promise<View>>()
  const run = async (feeds: Feeds) => {
    const made = await session.run(feeds)
    const rows = Object.values(feeds)[0]!.shape[0]!
    for (const name of split.tensors) checkRows(name, made[name]!, rows)
    return made
  }
  const makeView = async (view: number): Promise<View> => {
    const batches = inOrder(options.images, options.chunk)
    const positions = new Int32Array(options.images)
    const tensors = new Map<string, Kept>()
    let at = 0
    // In the images' own order, so that a place in the epoch is an image: its augmentation is the same wherever it is drawn.
    for await (const { positions: read, pixels } of options.loader.epoch(view, batches, 0)) {
      const made = await run(feedsOf(pixels))
      if (at === 0) for (const name of split.tensors) tensors.set(name, roomFor(made[name]!, options))
      positions.set(read, at)
      for (const [name, { shape, data }] of tensors) data.set(made[name]!.data as Float32Array, at * sizeOf(shape))
      at += read.length
    }
    return { positions, tensors }
  }
  return {
    ofPixels: async (feeds) => {
      const made = await run(feeds)
      return Object.fromEntries(split.tensors.map((name) => [name, made[name]!]))
    },
    async ofView(view, wanted) {
      const making = views.get(view) ?? makeView(view)
      views.set(view, making)
      const { positions, tensors } = await making
      const feeds = [...tensors].map(([name, { shape, data }]) => {
        const stride = sizeOf(shape)
        const rows = new Float32Array(wanted.length * stride)
        wanted.forEach((position, row) =>
          rows.set(data.subarray(position * stride, (position + 1) * stride), row * stride),
        )
        return [name, float32(rows, [wanted.length, ...shape])] as const
      })
      return { positions: wanted.map((position) => positions[position]!), feeds: Object.fromEntries(feeds) }
    },
    dispose: session.dispose,
  }
}

const inOrder = (images: number, chunk: number) =>
  Array.from({ length: Math.ceil(images / chunk) }, (_, i) =>
    Int32Array.from({ length: Math.min(chunk, images - i * chunk) }, (_, row) => i * chunk + row),
  )

function roomFor({ shape }: Tensor, { images, views, memory, split }: FrozenOutputsOptions): Kept {
  const rest = shape.slice(1)
  const bytes = 4 * sizeOf(rest) * images * views * split.tensors.length
  if (bytes > memory) {
    throw new LookalikeError(
      'train/frozen-memory',
      {
        problem: `The frozen layers' outputs of ${images} images in ${views} views are ${Math.ceil(bytes / 2 ** 20)} MiB`,
        expected: `at most the ${Math.floor(memory / 2 ** 20)} MiB of "memory"`,
        fix: 'Raise "memory", take fewer views, or leave cacheFrozen out.',
      },
      { fields: { bytes, memory } },
    )
  }
  return { shape: rest, data: new Float32Array(sizeOf(rest) * images) }
}

function checkRows(name: string, { type, shape }: Tensor, rows: number): void {
  if (type === 'float32' && shape[0] === rows) return
  throw new LookalikeError(
    'train/frozen-output',
    {
      problem: `The frozen layers hand on ${name}, ${type} of the shape [${shape.join(', ')}] for ${rows} images`,
      expected: 'float32, one row for each image',
      fix: 'Leave cacheFrozen out, or freeze up to another layer.',
    },
    { fields: { tensor: name } },
  )
}
