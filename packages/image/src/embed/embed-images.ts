import {
  createEmbeddings,
  type EmbeddedImages,
  type EmbeddingCache,
  type Embeddings,
  type EmbedOptions,
  type Encoder,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  toWarning,
  type Warning,
} from '@lookalike/core'
import type { DecodeOptions } from '../decode/decode-options.js'
import { describeSource } from '../read/describe-source.js'
import { readImage } from '../read/read-image.js'
import { loadBatches } from './load-batches.js'

/** Of a content hash, in hex digits: what the cache knows an image by. */
const KEY_LENGTH = 32

interface Wanted {
  readonly image: ImageRequest
  readonly position: number
  /** Absent for an image that could not be read. */
  readonly key?: string | undefined
}

/** Images that are read at once, for the cache. */
const READERS = 8
/** Images that are read, looked up and encoded at a time, with a cache. */
const WINDOW_IMAGES = 512
const WINDOW_BYTES = 64 << 20

/**
 * Embeds images, decoding ahead of the model. With a cache, an image whose content was embedded in this space before
 * costs only its reading. No image is read twice, and one whose `hash` the cache knows is not read at all.
 *
 * @throws the codes of image reading with `onCorrupt: 'fail'`; `encoder/output` when the encoder's answer does not fit;
 * `embeddings/not-finite` naming the image; the signal's reason.
 */
export async function embedImages(
  encoder: Encoder,
  images: readonly ImageRequest[],
  options: EmbedOptions = {},
): Promise<EmbeddedImages> {
  const { signal, onCorrupt = 'skip', maxPixels, maxBytes, deadline, truncated, urls } = options
  const { dim, space } = encoder
  let done = 0
  const work: Work = {
    encoder,
    images,
    options: { ...options, onCorrupt },
    limits: { signal, maxPixels, maxBytes, deadline, truncated, urls },
    vectors: Array.from({ length: images.length }),
    cacheWorks: true,
    report(count) {
      done += count
      options.onProgress?.({ phase: 'encode', done, total: images.length, unit: 'image', note: encoder.name })
    },
  }
  const cache = await options.openCache?.(space, dim)
  if (cache) await embedByContent(work, cache)
  else {
    work.report(0)
    await encode(
      work,
      images.map((image, position) => ({ image, position })),
    )
  }
  return gather(work)
}

/** The call that is under way. */
interface Work {
  readonly encoder: Encoder
  readonly images: readonly ImageRequest[]
  readonly options: EmbedOptions
  readonly limits: DecodeOptions
  /** What is known so far, by the image's position. */
  readonly vectors: (Float32Array | undefined)[]
  cacheWorks: boolean
  /** So many more images are done. */
  report(count: number): void
}

function gather({ encoder: { dim, space }, vectors }: Work): EmbeddedImages {
  const positions = Int32Array.from(vectors.flatMap((vector, position) => (vector ? [position] : [])))
  const rows = positions.length
  const data = new Float32Array(rows * dim)
  for (const [row, position] of positions.entries()) data.set(vectors[position]!, row * dim)
  return { embeddings: createEmbeddings({ data, rows, dim, space, role: 'any' }), positions }
}

/** Looks images up by their content, and encodes the rest. The next window is read while the model works on one. */
async function embedByContent(work: Work, known: EmbeddingCache): Promise<void> {
  const { vectors, report } = work
  const firstOf = new Map<string, number>()
  const copies: { readonly position: number; readonly key: string }[] = []
  let reading = readWindow(work, 0, known)
  for (let window = await reading; window.end > window.start; window = await reading) {
    reading = readWindow(work, window.end, known)
    // Its turn to be awaited comes later, or never.
    reading.catch(() => {})
    const found = known.get(window.images.map(({ key }) => key ?? ''))
    // Of images with the same content, only the first is encoded.
    const missing = window.images.filter(({ position, key }, i) => {
      vectors[position] = found[i]
      if (key === undefined || found[i]) return false
      if (!firstOf.has(key)) {
        firstOf.set(key, position)
        return true
      }
      copies.push({ position, key })
      return false
    })
    report(window.images.length - missing.length)
    await encode(work, missing, known)
  }
  for (const { position, key } of copies) vectors[position] = vectors[firstOf.get(key)!]
}

async function readWindow(work: Work, start: number, known: EmbeddingCache) {
  const { images, limits } = work
  const window: Wanted[] = []
  let bytes = 0
  let next = start
  while (next < images.length && window.length < WINDOW_IMAGES && bytes < WINDOW_BYTES) {
    limits.signal?.throwIfAborted()
    const end = Math.min(next + READERS, images.length)
    const group = await Promise.all(images.slice(next, end).map((image, i) => readOne(work, image, next + i, known)))
    for (const { read, ...wanted } of group) {
      window.push(wanted)
      bytes += read
    }
    next = end
  }
  return { start, end: next, images: window }
}

async function readOne({ options, limits }: Work, image: ImageRequest, position: number, known: EmbeddingCache) {
  const hash = image.hash?.slice(0, KEY_LENGTH)
  if (hash !== undefined && known.has(hash)) return { image, position, key: hash, read: 0 }
  try {
    const { content, hash: whole } = await readImage(image, limits)
    // Bytes that the caller holds anyway are not counted.
    const read = image.content ? 0 : content instanceof Uint8Array ? content.byteLength : content.data.byteLength
    return { image: { ...image, content }, position, key: whole.slice(0, KEY_LENGTH), read }
  } catch (error) {
    if (options.onCorrupt === 'fail' || !isLookalikeError(error)) throw error
    options.onWarning?.(toWarning(error, { source: describeSource(image.source), position }))
    return { image, position, key: undefined, read: 0 }
  }
}

async function encode(work: Work, wanted: readonly Wanted[], known?: EmbeddingCache): Promise<void> {
  const { encoder, vectors, report, limits, options } = work
  const { onCorrupt, concurrency, onWarning } = options
  const { dim, batchSize } = encoder
  const input = encoder.input.kind === 'pixels' ? encoder.input.preprocessing : 'bytes'
  const sources = wanted.map(({ image }) => image)
  const warn = onWarning && ((warning: Warning) => onWarning(withPosition(warning, wanted)))
  const batches = loadBatches(sources, input, { ...limits, onCorrupt, batchSize, concurrency, onWarning: warn })
  let seen = 0
  for await (const { batch, positions, release } of batches) {
    const rows = positions.map((i) => wanted[i]!.position)
    const output = await encoder.encode(batch, { signal: limits.signal }).catch((error: unknown) => {
      throw notFinite(work, error, rows)
    })
    const data = checkedOutput(work, output, rows)
    release()
    for (const [row, position] of rows.entries()) vectors[position] = data.slice(row * dim, (row + 1) * dim)
    if (known)
      await keep(
        work,
        known,
        positions.map((i) => wanted[i]!.key!),
        data,
      )
    const upTo = positions.at(-1)! + 1
    report(upTo - seen)
    seen = upTo
  }
  if (seen < wanted.length) report(wanted.length - seen)
}

/** The position among all images in the place of that among the wanted ones. */
function withPosition(warning: Warning, wanted: readonly Wanted[]): Warning {
  const at = warning.fields.position
  return typeof at === 'number'
    ? { ...warning, fields: { ...warning.fields, position: wanted[at]!.position } }
    : warning
}

/** A full disk costs the cache, not the run. */
async function keep(work: Work, cache: EmbeddingCache, keys: readonly string[], data: Float32Array): Promise<void> {
  if (!work.cacheWorks) return
  await cache.put(keys, data).catch((error: unknown) => {
    work.cacheWorks = false
    work.options.onWarning?.(toWarning(error))
  })
}

function checkedOutput(work: Work, output: Embeddings, rows: readonly number[]): Float32Array {
  const { encoder } = work
  const { dim, space } = encoder
  if (output.rows !== rows.length || output.dim !== dim || output.space !== space) {
    throw new LookalikeError(
      'encoder/output',
      {
        problem: `The encoder "${encoder.name}" gave ${output.rows} x ${output.dim} embeddings of ${output.space} for ${rows.length} images`,
        expected: `${rows.length} x ${dim} of ${space}`,
        fix: 'This is a mistake in the encoder: report it to its author.',
      },
      { fields: { encoder: encoder.name } },
    )
  }
  try {
    return createEmbeddings({ data: output.data, rows: output.rows, dim, space, role: 'any' }).data
  } catch (error) {
    throw notFinite(work, error, rows)
  }
}

/** Numbers that are not finite, told of the image instead of the row. */
function notFinite({ encoder, images }: Work, error: unknown, rows: readonly number[]): unknown {
  if (!isLookalikeError(error, 'embeddings/not-finite')) return error
  const image = images[rows[error.fields.row as number] ?? -1]
  if (!image) return error
  const source = describeSource(image.source)
  return new LookalikeError(
    'embeddings/not-finite',
    {
      problem: `The encoder "${encoder.name}" gave an embedding of ${source} that is not finite`,
      expected: 'finite numbers',
      fix: 'Look at that image and at the model: half-precision weights overflow on some machines.',
    },
    { fields: { ...error.fields, source }, cause: error },
  )
}
