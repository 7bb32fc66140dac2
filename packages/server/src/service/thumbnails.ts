import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ImageRequest } from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'

export interface Thumbnails {
  /**
   * @param hash of the entry: what is kept is known by it
   * @returns `same: false` where the file is no longer the image that was indexed; it is then not kept
   * @throws the codes of image reading
   */
  get(
    hash: string,
    image: ImageRequest,
    edge: number,
    signal?: AbortSignal,
  ): Promise<{ readonly picture: Uint8Array; readonly same: boolean }>
}

/** Small pictures, kept in a folder by the content of their images. What cannot be kept is made again. */
export function createThumbnails(folder: string, pool: Pick<EncoderPool, 'thumbnail'>): Thumbnails {
  return {
    async get(hash, image, edge, signal) {
      // Hashes of a gallery are text from a file: only what is one names a file here.
      const file = /^[0-9a-f]{16,128}$/.test(hash)
        ? path.join(folder, hash.slice(0, 2), `${hash}-${edge}.jpg`)
        : undefined
      const known = file && (await readFile(file).catch(() => undefined))
      if (known && known.length > 0) return { picture: known, same: true }
      const made = await pool.thumbnail(image, edge, { signal })
      const same = made.hash === hash
      if (file && same) await keep(file, made.picture).catch(() => undefined)
      return { picture: made.picture, same }
    },
  }
}

/** Whole or not at all. */
async function keep(file: string, picture: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  const own = `${file}.${randomUUID()}`
  try {
    await writeFile(own, picture)
    await rename(own, file)
  } catch (error) {
    await rm(own, { force: true })
    throw error
  }
}
