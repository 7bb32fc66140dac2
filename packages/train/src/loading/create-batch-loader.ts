import { type Augmentation, LookalikeError, type RawImage, type Warning } from '@lookalike/core'
import { describeSource } from '@lookalike/image'
import { type AugmentationOrigin, createFillers } from './create-fillers.js'
import type { FillSettings } from './fill-batch.js'
import type { TrainingImage } from './training-image.js'

export interface BatchLoaderOptions extends FillSettings {
  readonly images: readonly TrainingImage[]
  /** Class of each image: another image of the class stands in for one that cannot be read. */
  readonly labels: Int32Array
  readonly augmentations: readonly Augmentation[]
  /** How worker threads make the augmentations again; absent where they cannot. */
  readonly origins?: readonly AugmentationOrigin[] | undefined
  /** Worker threads. 0: in this one. */
  readonly workers: number
  /** Bytes of decoded images that stay in memory. */
  readonly memory: number
  readonly onCorrupt: 'skip' | 'fail'
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface LoadedTrainingBatch {
  /** Number of the batch in its epoch. */
  readonly index: number
  /** Positions of the images, after replacement of unreadable ones. */
  readonly positions: Int32Array
  /** The model's input, in its layout. */
  readonly pixels: Float32Array
}

export interface BatchLoader {
  /** Threads at work besides this one. */
  readonly workers: number
  /** The batches of an epoch from number `start` on, loaded ahead. */
  epoch(
    epoch: number,
    batches: readonly Int32Array[],
    start: number,
  ): AsyncGenerator<LoadedTrainingBatch, void, undefined>
  dispose(): Promise<void>
}

/**
 * Loads, augments and normalises batches ahead of the training. What comes does not depend on the number of workers or on what is in memory.
 *
 * @throws from `epoch`: the codes of image reading with `onCorrupt: 'fail'`; `train/class-unreadable` when no image of a class can be read.
 */
export async function createBatchLoader(options: BatchLoaderOptions): Promise<BatchLoader> {
  const { images, labels, onCorrupt } = options
  const fillers = await createFillers(options)
  const memory = new Map<number, RawImage>()
  let used = 0
  const keep = (position: number, image: RawImage) => {
    if (memory.has(position) || used + image.data.length > options.memory) return
    memory.set(position, image)
    used += image.data.length
  }

  const bad = new Set<number>()
  const members = new Map<number, number[]>()
  labels.forEach((label, position) => {
    const list = members.get(label)
    if (list) list.push(position)
    else members.set(label, [position])
  })
  /** The next readable image of the class: which one depends on what is unreadable alone, not on when that was found out. */
  const standIn = (position: number): number => {
    if (!bad.has(position)) return position
    const list = members.get(labels[position]!)!
    const at = list.indexOf(position)
    for (let i = 1; i < list.length; i++) {
      const candidate = list[(at + i) % list.length]!
      if (!bad.has(candidate)) return candidate
    }
    throw classUnreadable(list.map((member) => describeSource(images[member]!.source)))
  }

  const load = async (
    epoch: number,
    wanted: Int32Array,
    firstPlace: number,
  ): Promise<{ positions: Int32Array; pixels: Float32Array }> => {
    for (;;) {
      const positions = wanted.map(standIn)
      const slots = Array.from(positions, (position, slot) => {
        const decoded = memory.get(position)
        return { place: firstPlace + slot, image: images[position]!, decoded }
      })
      const filled = await fillers.fill({ epoch, slots })
      for (const { slot, image } of filled.decoded) keep(positions[slot]!, image)
      if (filled.failed.length === 0) return { positions, pixels: filled.pixels }
      for (const { slot, code, message, fields } of filled.failed) {
        const position = positions[slot]!
        if (bad.has(position)) continue
        if (onCorrupt === 'fail') throw new LookalikeError(code, { problem: message }, { fields })
        bad.add(position)
        options.onWarning?.({
          code,
          message: `${message} Another image of its class stands in.`,
          fields: { ...fields, position },
        })
      }
    }
  }

  return {
    workers: fillers.workers,
    async *epoch(epoch, batches, start) {
      const places = [0]
      for (const batch of batches) places.push(places.at(-1)! + batch.length)
      const queue: Promise<{ positions: Int32Array; pixels: Float32Array }>[] = []
      let next = start
      for (let index = start; index < batches.length; index++) {
        while (next < batches.length && queue.length < fillers.ahead) {
          const loading = load(epoch, batches[next]!, places[next]!)
          // Its turn to be awaited comes later, or never.
          loading.catch(() => {})
          queue.push(loading)
          next++
        }
        yield { index, ...(await queue.shift()!) }
      }
    },
    dispose: () => fillers.dispose(),
  }
}

function classUnreadable(sources: readonly string[]): LookalikeError {
  return new LookalikeError(
    'train/class-unreadable',
    {
      problem: `None of the ${sources.length} images of a class can be read: ${sources.slice(0, 5).join(', ')}${sources.length > 5 ? ', ...' : ''}`,
      fix: 'Repair them, or take the class out of the dataset.',
    },
    { fields: { sources } },
  )
}
