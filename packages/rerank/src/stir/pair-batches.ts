import type { Augmentation, DatasetItem, ImageLimits, Preprocessing } from '@lookalike/core'
import { type Feeds, float32 } from '@lookalike/onnx'
import { createBatchLoader } from '@lookalike/train'
import type { ImageCode } from '../codes/image-code.js'
import { NAMES, type PairSpec } from '../pair/pair-spec.js'
import { type PairScorer, pairFeeds } from './create-pair-scorer.js'
import type { Pairs } from './mine-pairs.js'

/** A batch before its images are read. */
export interface PlannedBatch {
  /** Positions among the training items. */
  readonly positions: Int32Array
  /** Its pairs, given the images that were readable: another of the class stands in for an unreadable one. */
  pairs(positions: Int32Array): Pairs
}

/** A batch of images, and how its pairs become the network's inputs. */
export interface PairBatch {
  /** Positions among the training items. */
  readonly positions: Int32Array
  /** Inputs for pairs of the batch's rows. */
  feeds(query: Int32Array, candidate: Int32Array): Feeds
}

export interface PairBatches {
  load(epoch: number, batches: readonly Int32Array[], start: number): AsyncIterable<PairBatch>
  dispose(): Promise<void>
}

/** Batches of images whose first part was computed once. */
export function cachedBatches(codes: readonly ImageCode[], spec: PairSpec): PairBatches {
  return {
    async *load(_epoch, batches, start) {
      for (const positions of batches.slice(start)) {
        const of = (rows: Int32Array) => Array.from(rows, (row) => codes[positions[row]!]!)
        yield { positions, feeds: (query, candidate) => pairFeeds(of(query), of(candidate), spec) }
      }
    },
    dispose: async () => {},
  }
}

/** Decoded training images that stay in memory, bytes. */
const MEMORY = 512 * 2 ** 20

export interface AugmentedImages {
  readonly items: readonly DatasetItem[]
  readonly labels: Int32Array
  readonly augmentations: readonly Augmentation[]
  readonly preprocessing: Preprocessing
  readonly seed: number
  /** How they are read. */
  readonly limits?: ImageLimits | undefined
}

/** Batches of images that look a little different each time. Where each image goes alone through a first part, `scorer` has that part, and is disposed of with the batches. */
export async function augmentedBatches(
  images: AugmentedImages,
  spec: PairSpec,
  scorer?: Pick<PairScorer, 'encodePixels' | 'dispose'>,
): Promise<PairBatches> {
  const loader = await createBatchLoader({
    images: images.items.map(({ source, box }) => ({
      source: source instanceof URL ? source.href : source,
      box,
    })),
    labels: images.labels,
    augmentations: images.augmentations,
    preprocessing: images.preprocessing,
    edge: Math.round(1.25 * Math.max(spec.width, spec.height)),
    seed: images.seed,
    limits: images.limits,
    workers: 0,
    memory: MEMORY,
    onCorrupt: 'skip',
  })
  return {
    async *load(epoch, batches, start) {
      for await (const { positions, pixels } of loader.epoch(epoch, batches, start)) {
        if (scorer === undefined) {
          yield { positions, feeds: pixelFeeds(pixels, spec) }
          continue
        }
        const codes = await scorer.encodePixels(pixels, positions.length)
        const of = (rows: Int32Array) => Array.from(rows, (row) => codes[row]!)
        yield { positions, feeds: (query, candidate) => pairFeeds(of(query), of(candidate), spec) }
      }
    },
    async dispose() {
      await loader.dispose()
      await scorer?.dispose()
    },
  }
}

function pixelFeeds(pixels: Float32Array, { width, height }: PairSpec): PairBatch['feeds'] {
  const size = 3 * height * width
  const of = (rows: Int32Array) => {
    const data = new Float32Array(rows.length * size)
    rows.forEach((row, i) => data.set(pixels.subarray(row * size, (row + 1) * size), i * size))
    return float32(data, [rows.length, 3, height, width])
  }
  return (query, candidate) => ({ [NAMES.query]: of(query), [NAMES.candidate]: of(candidate) })
}
