import { LookalikeError, type OperationOptions, type RerankedGallery } from '@lookalike/core'
import { type Encode, isCode } from './code-store.js'
import type { ImageCode } from './image-code.js'
import type { KeptCodes } from './kept-codes.js'

/** Images encoded and written at a time: what a crash may cost. */
const CHUNK = 128

/**
 * Makes the codes of a gallery's images that it does not keep yet, and removes those of images that are no longer in the gallery.
 *
 * @throws `reranker/gallery-write` when the disk is full or the folder may not be written to; what was written stays.
 */
export async function updateGalleryCodes(
  codes: KeptCodes,
  { name, images }: RerankedGallery,
  encode: Encode,
  { signal, onProgress, onWarning }: OperationOptions,
): Promise<void> {
  try {
    const wanted = new Set<string>()
    let done = 0
    for await (const some of images()) {
      const fresh = new Map(some.filter(({ hash }) => !wanted.has(hash)).map((image) => [image.hash, image]))
      for (const hash of fresh.keys()) wanted.add(hash)
      const missing = (await codes.missing([...fresh.keys()])).map((hash) => fresh.get(hash)!)
      for (let start = 0; start < missing.length; start += CHUNK) {
        signal?.throwIfAborted()
        const chunk = missing.slice(start, start + CHUNK)
        const made = await encode(chunk, signal ? { signal } : {})
        const kept: { hash: string; code: ImageCode }[] = []
        for (const [i, code] of made.entries()) {
          if (isCode(code)) kept.push({ hash: chunk[i]!.hash, code })
          else onWarning?.(code)
        }
        await codes.put(kept)
        done += chunk.length
        onProgress?.({ phase: 'prepare reranking', done, unit: 'image' })
      }
    }
    await codes.retain(wanted)
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause
    throw new LookalikeError(
      'reranker/gallery-write',
      {
        problem: `The tokens that reranking needs cannot be kept in the gallery ${name}: ${cause.message}`,
        fix: 'Free some room or the folder, or set "cache: false" on the reranker; then they are made when they are needed.',
      },
      { fields: { gallery: name }, cause },
    )
  }
}
