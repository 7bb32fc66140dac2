import {
  createEmbeddings,
  type EmbeddedImages,
  type Embeddings,
  type EmbedOptions,
  type Encoder,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  toWarning,
} from '@lookalike/core'
import { describeSource } from '../read/describe-source.js'
import { hashImage } from '../read/hash-image.js'
import { loadBatches } from './load-batches.js'

/** Images that are hashed at once, for the cache. */
const HASHED_AT_ONCE = 8

/**
 * Embeds images, decoding ahead of the model. With a cache, an image whose content was embedded in this space before
 * costs only its hash.
 *
 * @throws the codes of image reading with `onCorrupt: 'fail'`; `encoder/output` when the encoder's answer does not fit;
 * `embeddings/not-finite` naming the image; the signal's reason.
 */
export async function embedImages(
  encoder: Encoder,
  images: readonly ImageRequest[],
  options: EmbedOptions = {},
): Promise<EmbeddedImages> {
  const { signal, onCorrupt = 'skip' } = options
  const limits = {
    ...(signal && { signal }),
    ...(options.maxPixels !== undefined && { maxPixels: options.maxPixels }),
    ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
  }
  const { dim, space } = encoder
  const vectors = Array.from<Float32Array | undefined>({ length: images.length })
  const cache = await options.openCache?.(space, dim)
  let done = 0
  const report = (count: number) => {
    done += count
    options.onProgress?.({ phase: 'encode', done, total: images.length, unit: 'image', note: encoder.name })
  }

  const keys = cache ? await hashAll() : undefined
  if (cache && keys) {
    const found = cache.get(keys.map((key) => key ?? ''))
    for (const [position, vector] of found.entries()) vectors[position] = vector
  }
  // Of images with the same content, only the first is encoded.
  const firstOf = new Map<string, number>()
  const missing = images.flatMap((_, position) => {
    if (vectors[position] || (keys && keys[position] === undefined)) return []
    const key = keys?.[position]
    if (key === undefined) return [position]
    if (firstOf.has(key)) return []
    firstOf.set(key, position)
    return [position]
  })
  report(images.length - missing.length)
  await encodeMissing(missing, keys)
  if (keys) {
    for (const [position, key] of keys.entries())
      if (key !== undefined) vectors[position] ??= vectors[firstOf.get(key) ?? position]
  }

  const positions = Int32Array.from(vectors.flatMap((vector, position) => (vector ? [position] : [])))
  const data = new Float32Array(positions.length * dim)
  for (const [row, position] of positions.entries()) data.set(vectors[position]!, row * dim)
  return { embeddings: createEmbeddings({ data, rows: positions.length, dim, space, role: 'any' }), positions }

  async function hashAll(): Promise<(string | undefined)[]> {
    const keys = Array.from<string | undefined>({ length: images.length })
    let next = 0
    const worker = async () => {
      for (let position = next++; position < images.length; position = next++) {
        signal?.throwIfAborted()
        try {
          keys[position] = (await hashImage(images[position]!, limits)).slice(0, 32)
        } catch (error) {
          if (onCorrupt === 'fail' || !isLookalikeError(error)) throw error
          options.onWarning?.(toWarning(error, { source: describeSource(images[position]!.source), position }))
        }
      }
    }
    await Promise.all(Array.from({ length: HASHED_AT_ONCE }, worker))
    return keys
  }

  async function encodeMissing(
    missing: readonly number[],
    keys: readonly (string | undefined)[] | undefined,
  ): Promise<void> {
    const requests = missing.map((position) => images[position]!)
    const input = encoder.input.kind === 'pixels' ? encoder.input.preprocessing : 'bytes'
    let cacheWorks = true
    let seen = 0
    const batches = loadBatches(requests, input, {
      ...limits,
      onCorrupt,
      batchSize: encoder.batchSize,
      ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
      ...(options.onWarning && { onWarning: options.onWarning }),
    })
    for await (const { batch, positions, release } of batches) {
      const rows = positions.map((i) => missing[i]!)
      const output = await encoder.encode(batch, signal && { signal }).catch((error: unknown) => {
        throw notFinite(error, rows)
      })
      const data = checkedOutput(output, rows)
      release()
      for (const [row, position] of rows.entries()) vectors[position] = data.slice(row * dim, (row + 1) * dim)
      if (cache && keys && cacheWorks) {
        await cache
          .put(
            rows.map((position) => keys[position]!),
            data,
          )
          .catch((error: unknown) => {
            // A full disk costs the cache, not the run.
            cacheWorks = false
            options.onWarning?.(toWarning(error))
          })
      }
      const upTo = positions.at(-1)! + 1
      report(upTo - seen)
      seen = upTo
    }
    if (seen < missing.length) report(missing.length - seen)
  }

  function checkedOutput(output: Embeddings, rows: readonly number[]): Float32Array {
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
      throw notFinite(error, rows)
    }
  }

  /** Numbers that are not finite, told of the image instead of the row. */
  function notFinite(error: unknown, rows: readonly number[]): unknown {
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
}
