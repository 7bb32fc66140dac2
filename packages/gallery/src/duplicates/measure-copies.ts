import {
  createRandom,
  dotRows,
  type Gallery,
  type GalleryEntry,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Model,
  type OperationOptions,
  type Warning,
} from '@lookalike/core'
import { decodeImage, thumbnail } from '@lookalike/image'
import { nameOf } from '../care/reading.js'
import { asQueries } from './near-pairs.js'
import { proposeThreshold, type ThresholdProposal } from './propose-threshold.js'

/** Images that copies are made of. */
const SAMPLE = 64
/** What a crop leaves of each edge. */
const CROP = { x: 0.03, y: 0.03, width: 0.94, height: 0.94 }

export interface MeasureCopiesOptions extends OperationOptions, ImageLimits {
  readonly embed: Model['embed']
  readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
}

/**
 * Proposes a threshold for near duplicates from the images themselves: of up to 64 of them, copies are made as they come about (half as large and saved
 * again as JPEG; a little cut off all around), and their distances measured.
 *
 * @param entries images that are no exact copies of each other
 * @param copiesAtMost how many exact copies of one image there are at most
 * @throws `duplicates/no-images` where none of the images can be read
 */
export async function measureCopies(
  gallery: Gallery,
  entries: readonly GalleryEntry[],
  copiesAtMost: number,
  { embed, imageOf, signal, onProgress, onWarning, ...limits }: MeasureCopiesOptions,
): Promise<ThresholdProposal> {
  const order = createRandom('duplicates').permutation(entries.length)
  const sample: GalleryEntry[] = []
  const copies: ImageRequest[] = []
  for (const at of order) {
    if (sample.length === SAMPLE) break
    signal?.throwIfAborted()
    const entry = entries[at]!
    const request = imageOf(entry)
    if (!request) continue
    const altered = await alter(request, limits).catch((error: unknown) => {
      if (!isLookalikeError(error)) throw error
      return undefined
    })
    if (!altered) continue
    sample.push(entry)
    copies.push(...altered)
    onProgress?.({ phase: 'copy', done: sample.length, total: Math.min(SAMPLE, entries.length), unit: 'image' })
  }
  if (sample.length === 0) throw noImages(nameOf(gallery))
  const own = await asQueries(gallery, sample)
  const { embeddings } = await embed(copies, 'gallery', { ...limits, signal, onWarning, onCorrupt: 'fail' })
  const each = copies.length / sample.length
  const distances = Float64Array.from(
    { length: copies.length },
    (_, row) => 1 - dotRows(embeddings.data, row, own.data, Math.floor(row / each), own.dim),
  )
  // Its own exact copies are nearest.
  const found = await gallery.search(own, copiesAtMost + 1, { signal })
  const others = found.flatMap((hits, i) => {
    const other = hits.find(({ entry }) => entry.hash !== sample[i]!.hash)
    return other ? [other.distance] : []
  })
  const proposal = proposeThreshold(distances, others)
  if (proposal.others.median < proposal.threshold) onWarning?.(manyNear(proposal))
  return proposal
}

async function alter(request: ImageRequest, limits: ImageLimits): Promise<ImageRequest[]> {
  const whole = await decodeImage(request, limits)
  const long = Math.max(whole.width, whole.height)
  const smaller = await thumbnail({ source: whole }, Math.max(1, Math.round(long / 2)), limits)
  const cut = await thumbnail({ source: whole, box: CROP }, long, limits)
  return [{ source: smaller }, { source: cut }]
}

const manyNear = ({ threshold, others }: ThresholdProposal): Warning => ({
  code: 'duplicates/many-near',
  message: `Half of the images have another one within ${others.median.toPrecision(3)}, nearer than the threshold of ${threshold}: there are many duplicates, or the model cannot tell these images apart. Look at them before any go.`,
  fields: { threshold, median: others.median },
})

const noImages = (folder: string) =>
  new LookalikeError('duplicates/no-images', {
    problem: `None of the images of ${folder} can be read, so no threshold can be proposed`,
    fix: 'Give one yourself, or look for exact copies only.',
  })
