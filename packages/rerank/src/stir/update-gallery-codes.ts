import { type GalleryFolder, LookalikeError, type OperationOptions } from '@lookalike/core'
import type { CodeFiles } from './code-files.js'
import { type Encode, isCode } from './code-store.js'

/** Images encoded and written at a time: what a crash may cost. */
const CHUNK = 128

/**
 * Makes the codes of a gallery's images that are not in `files` yet, and removes those of images that are no longer in the gallery.
 *
 * @throws `reranker/gallery-write` when the disk is full or the folder may not be written to; what was written stays.
 */
export async function updateGalleryCodes(
  files: CodeFiles,
  { folder, images }: GalleryFolder,
  encode: Encode,
  { signal, onProgress, onWarning }: OperationOptions,
): Promise<void> {
  try {
    const wanted = new Map(images.map((image) => [files.nameOf(image.hash), image]))
    for (const name of await files.list()) if (!wanted.delete(name)) await files.remove(name)
    const missing = [...wanted.values()]
    for (let start = 0; start < missing.length; start += CHUNK) {
      signal?.throwIfAborted()
      const chunk = missing.slice(start, start + CHUNK)
      const codes = await encode(chunk, signal ? { signal } : {})
      for (const [i, code] of codes.entries()) {
        if (isCode(code)) await files.write(chunk[i]!.hash, code)
        else onWarning?.(code)
      }
      onProgress?.({ phase: 'prepare reranking', done: start + chunk.length, total: missing.length, unit: 'image' })
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause
    throw new LookalikeError(
      'reranker/gallery-write',
      {
        problem: `The tokens that reranking needs cannot be kept in the gallery ${folder}: ${cause.message}`,
        fix: 'Free some room or the folder, or set "cache: false" on the reranker; then they are made when they are needed.',
      },
      { fields: { path: folder }, cause },
    )
  }
}
