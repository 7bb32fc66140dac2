import {
  type Augmentation,
  createRandom,
  type ImageLimits,
  isLookalikeError,
  type Preprocessing,
  type RawImage,
} from '@lookalike/core'
import { preprocessedLength } from '@lookalike/image'
import { augmentInto, decodeForTraining, type TrainingImage } from './training-image.js'

export interface FillSettings {
  readonly preprocessing: Preprocessing
  /** Pixels; longer images are decoded to this shorter edge. */
  readonly edge: number
  /** Of the run; each image's own stream follows from it, its epoch and its place. */
  readonly seed: number
  /** How images are read. */
  readonly limits?: ImageLimits | undefined
}

/** One image of a batch: either its decoded pixels or where to get them. */
export interface BatchSlot {
  /** Place in the epoch, counted over all batches: no two have the same randomness. */
  readonly place: number
  readonly image: TrainingImage
  readonly decoded?: RawImage | undefined
}

export interface BatchJob {
  readonly epoch: number
  readonly slots: readonly BatchSlot[]
}

export interface FilledBatch {
  readonly pixels: Float32Array
  /** What had to be decoded, by slot. */
  readonly decoded: readonly { readonly slot: number; readonly image: RawImage }[]
  /** Slots whose image cannot be read; their pixels are zeros. */
  readonly failed: readonly {
    readonly slot: number
    readonly code: string
    readonly message: string
    readonly fields: Readonly<Record<string, unknown>>
  }[]
}

/** Images that are decoded at once: decoding has threads of its own. */
const DECODED_AT_ONCE = 4

/** Makes a batch ready. The same job gives the same pixels wherever it runs. */
export async function fillBatch(
  job: BatchJob,
  augmentations: readonly Augmentation[],
  { preprocessing, edge, seed, limits }: FillSettings,
): Promise<FilledBatch> {
  const length = preprocessedLength(preprocessing)
  const pixels = new Float32Array(job.slots.length * length)
  const decoded: { slot: number; image: RawImage }[] = []
  const failed: FilledBatch['failed'][number][] = []
  const random = createRandom(seed).fork(`augment/${job.epoch}`)
  let next = 0
  const work = async () => {
    for (let slot = next++; slot < job.slots.length; slot = next++) {
      const { place, image, decoded: known } = job.slots[slot]!
      try {
        const raw = known ?? shareable(await decodeForTraining(image, edge, preprocessing.background, limits))
        if (!known) decoded.push({ slot, image: raw })
        await augmentInto(raw, augmentations, random.fork(`${place}`), preprocessing, pixels, slot * length)
      } catch (error) {
        // Only the image's own faults; a missing decoder or a mistake in an augmentation would fail every image alike.
        if (!isLookalikeError(error) || !error.code.startsWith('image/') || error.code === 'image/decoder-missing')
          throw error
        failed.push({ slot, code: error.code, message: error.message, fields: error.fields })
      }
    }
  }
  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, work))
  return { pixels, decoded, failed }
}

/** Pixels that all threads can read without a copy. */
function shareable(image: RawImage): RawImage {
  const data = new Uint8Array(new SharedArrayBuffer(image.data.length))
  data.set(image.data)
  return { ...image, data }
}
