import type { DatasetItem, Preprocessing } from '@lookalike/core'
import { float32, type Feeds } from '@lookalike/onnx'
import { createBatchLoader, randomResizedCrop } from '@lookalike/train'
import { NAMES, type PairSpec } from '../pair/pair-spec.js'
import type { ImageCode } from './code-store.js'
import { pairFeeds } from './create-pair-scorer.js'

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

/** Batches of pixels, augmented as the paper does. */
export async function pixelBatches(
  items: readonly DatasetItem[], labels: Int32Array, spec: PairSpec, preprocessing: Preprocessing, settings: { readonly seed: number; readonly cropScale: readonly [number, number] },
): Promise<PairBatches> {
  const loader = await createBatchLoader({
    images: items.map(({ source, box }) => ({ source: source instanceof URL ? source.href : source, ...(box && { box }) })),
    labels,
    augmentations: [randomResizedCrop({ scale: [...settings.cropScale] })],
    preprocessing,
    edge: Math.round(1.25 * Math.max(spec.width, spec.height)),
    seed: settings.seed,
    workers: 0,
    memory: MEMORY,
    onCorrupt: 'skip',
  })
  const shape = [3, spec.height, spec.width]
  const size = 3 * spec.height * spec.width
  return {
    async *load(epoch, batches, start) {
      for await (const { positions, pixels } of loader.epoch(epoch, batches, start)) {
        const of = (rows: Int32Array) => {
          const data = new Float32Array(rows.length * size)
          rows.forEach((row, i) => data.set(pixels.subarray(row * size, (row + 1) * size), i * size))
          return float32(data, [rows.length, ...shape])
        }
        yield { positions, feeds: (query, candidate) => ({ [NAMES.query]: of(query), [NAMES.candidate]: of(candidate) }) }
      }
    },
    dispose: () => loader.dispose(),
  }
}
