import { createHash } from 'node:crypto'
import type { ImageRequest } from '@lookalike/core'
import type { DecodeOptions } from '../decode/decode-options.js'
import { readSource } from './read-source.js'

/**
 * SHA-256 of an image's content in hex, for caches of embeddings. For a file without a box it is the file's own SHA-256;
 * raw pixels include their size, and a box changes the hash.
 *
 * @throws the codes of reading: `image/not-found`, `image/http`, ...
 */
export async function hashImage(request: ImageRequest, options: DecodeOptions = {}): Promise<string> {
  const content = await readSource(request.source, options)
  const hash = createHash('sha256')
  if (content instanceof Uint8Array) hash.update(content)
  else hash.update(`raw ${content.width}x${content.height} `).update(content.data)
  const { box } = request
  if (!box) return hash.digest('hex')
  return createHash('sha256')
    .update(`${hash.digest('hex')} ${box.x} ${box.y} ${box.width} ${box.height}`)
    .digest('hex')
}
