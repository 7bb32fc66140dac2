import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import {
  type EncoderBatch,
  type ImageRequest,
  isLookalikeError,
  type Preprocessing,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { decodeImage } from '../decode/decode-image.js'
import type { DecodeOptions } from '../decode/decode-options.js'
import { encodePng } from '../decode/encode-image.js'
import { loadPixels } from '../preprocess/load-pixels.js'
import { preprocessedLength } from '../preprocess/preprocess.js'
import { describeSource } from '../read/describe-source.js'
import { contentOf } from '../read/read-image.js'
import { type ImageFormat, sniffFormat } from '../read/sniff-format.js'

export interface LoadBatchesOptions extends Omit<DecodeOptions, 'background'> {
  /** Images a batch; the last one may hold fewer, and so do batches with skipped images. Default: 32 (ours). */
  readonly batchSize?: number | undefined
  /** Images that are read and decoded at once. Default: cores + 1, at most 8 (ours); more helps with URLs. */
  readonly concurrency?: number | undefined
  /** Batches that are made ready while the caller works on one. Default: 2 (ours). */
  readonly ahead?: number | undefined
  /** What an unreadable or corrupt image does: `fail` the whole run, or be reported and skipped. Default: `fail`. */
  readonly onCorrupt?: 'fail' | 'skip' | undefined
}

export interface LoadedBatch<B extends EncoderBatch = EncoderBatch> {
  readonly batch: B
  /** Positions of the batch's images in `requests`, rising; skipped ones are missing. */
  readonly positions: readonly number[]
  /**
   * Gives the batch's memory back for a later batch. Optional: call it once nothing reads `batch` any more; without it
   * the memory is collected as usual.
   */
  release(): void
}

/**
 * Images as ready batches for an encoder, in order. Reading and decoding run ahead of the caller, at most `concurrency`
 * images at once and at most `ahead` batches in memory besides the caller's. Leaving the loop stops everything.
 *
 * With `onCorrupt: 'skip'` each skipped image is a warning with the error's code and the fields `source` and `position`.
 *
 * @throws the codes of `decodeImage`; the signal's reason when aborted.
 *
 * @example
 * for await (const { batch, positions, release } of loadBatches(requests, encoder.input.preprocessing, { batchSize: 32 })) {
 *   const embeddings = await encoder.encode(batch)
 *   release()
 * }
 */
export function loadBatches(
  requests: readonly ImageRequest[],
  input: Preprocessing,
  options?: LoadBatchesOptions,
): AsyncGenerator<LoadedBatch<Extract<EncoderBatch, { kind: 'pixels' }>>, void, undefined>
export function loadBatches(
  requests: readonly ImageRequest[],
  input: 'bytes',
  options?: LoadBatchesOptions,
): AsyncGenerator<LoadedBatch<Extract<EncoderBatch, { kind: 'bytes' }>>, void, undefined>
export function loadBatches(
  requests: readonly ImageRequest[],
  input: Preprocessing | 'bytes',
  options?: LoadBatchesOptions,
): AsyncGenerator<LoadedBatch, void, undefined>
export async function* loadBatches(
  requests: readonly ImageRequest[],
  input: Preprocessing | 'bytes',
  options: LoadBatchesOptions = {},
): AsyncGenerator<LoadedBatch, void, undefined> {
  const batchSize = options.batchSize ?? 32
  const ahead = options.ahead ?? 2
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  // One listener an image that is being decoded.
  setMaxListeners(0, signal)
  const slots = createSlots(options.concurrency ?? Math.min(8, availableParallelism() + 1))
  const fill = input === 'bytes' ? fillBytes() : fillPixels(input)
  const skip = options.onCorrupt === 'skip'

  const load = async (start: number): Promise<Filled> => {
    const batch = fill(Math.min(batchSize, requests.length - start))
    const failures: (Warning | undefined)[] = []
    const found: Warning[][] = []
    const one = async (i: number) => {
      const release = await slots.take()
      try {
        signal.throwIfAborted()
        const onWarning = (warning: Warning) =>
          (found[i] ??= []).push({ ...warning, fields: { ...warning.fields, position: start + i } })
        await batch.load(requests[start + i]!, i, { ...options, signal, onWarning })
      } catch (error) {
        if (!skip || signal.aborted || !isSkippable(error)) throw error
        failures[i] = toWarning(error, { source: describeSource(requests[start + i]!.source), position: start + i })
      } finally {
        release()
      }
    }
    const results = await Promise.allSettled(Array.from({ length: batch.size }, (_, i) => one(i)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    const kept = Array.from({ length: batch.size }, (_, i) => i).filter((i) => !failures[i])
    return {
      ...batch.finish(kept),
      positions: kept.map((i) => start + i),
      warnings: Array.from({ length: batch.size }, (_, i) => [
        ...(found[i] ?? []),
        ...(failures[i] ? [failures[i]] : []),
      ]).flat(),
    }
  }

  const queue: Promise<Filled>[] = []
  let next = 0
  const refill = (target: number) => {
    while (queue.length < target && next < requests.length) {
      const loading = load(next)
      // Its turn to be awaited comes later, or never.
      loading.catch(() => {})
      queue.push(loading)
      next += batchSize
    }
  }
  try {
    for (;;) {
      refill(ahead + 1)
      if (queue.length === 0) return
      const { warnings, ...loaded } = await queue.shift()!
      options.signal?.throwIfAborted()
      for (const warning of warnings) options.onWarning?.(warning)
      refill(ahead)
      if (loaded.positions.length > 0) yield loaded
    }
  } finally {
    stop.abort()
    await Promise.allSettled(queue)
  }
}

type Filled = LoadedBatch & { readonly warnings: readonly Warning[] }

/** The image's own faults; a missing decoder would fail every image alike. */
const isSkippable = (error: unknown) =>
  isLookalikeError(error) && error.code.startsWith('image/') && error.code !== 'image/decoder-missing'

interface Filling {
  readonly size: number
  load(request: ImageRequest, slot: number, options: DecodeOptions): Promise<void>
  /** `kept`: the slots that were loaded. */
  finish(kept: readonly number[]): Pick<LoadedBatch, 'batch' | 'release'>
}

function fillPixels(preprocessing: Preprocessing): (size: number) => Filling {
  const length = preprocessedLength(preprocessing)
  const free: Float32Array[] = []
  return (size) => {
    const found = free.findIndex((buffer) => buffer.length >= size * length)
    const buffer = found < 0 ? new Float32Array(size * length) : free.splice(found, 1)[0]!
    return {
      size,
      async load(request, slot, options) {
        await loadPixels(request, preprocessing, options, buffer, slot * length)
      },
      finish(kept) {
        kept.forEach((slot, i) => {
          if (slot !== i) buffer.copyWithin(i * length, slot * length, (slot + 1) * length)
        })
        let released = false
        return {
          batch: { kind: 'pixels', data: buffer.subarray(0, kept.length * length), count: kept.length },
          release() {
            if (!released) free.push(buffer)
            released = true
          },
        }
      },
    }
  }
}

function fillBytes(): (size: number) => Filling {
  return (size) => {
    const images: Uint8Array[] = []
    return {
      size,
      async load(request, slot, options) {
        images[slot] = await encodedBytes(request, options)
      },
      finish: (kept) => ({ batch: { kind: 'bytes', images: kept.map((slot) => images[slot]!) }, release() {} }),
    }
  }
}

/** What every vector service reads. */
const SENDABLE: readonly ImageFormat[] = ['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif']

/** A file of a common format goes through as it is; boxes, raw pixels, drawings and the rest become PNG. */
async function encodedBytes(request: ImageRequest, options: DecodeOptions): Promise<Uint8Array> {
  const content = await contentOf(request, options)
  const format = content instanceof Uint8Array ? sniffFormat(content) : undefined
  if (!request.box && content instanceof Uint8Array && format && SENDABLE.includes(format)) return content
  return encodePng(await decodeImage(request, options))
}

/** At most `count` holders at once, served in the order of asking. */
function createSlots(count: number): { take(): Promise<() => void> } {
  let free = count
  const waiting: (() => void)[] = []
  const release = () => {
    const first = waiting.shift()
    if (first) first()
    else free++
  }
  return {
    async take() {
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      return release
    },
  }
}
