import type { ImageRequest } from '@lookalike/core'
import type { DecodeOptions } from '../decode/decode-options.js'
import { readImage } from './read-image.js'

/**
 * SHA-256 of an image's content in hex, for caches of embeddings. For a file without a box it is the file's own SHA-256;
 * raw pixels include their size, and a box changes the hash.
 *
 * @throws the codes of reading: `image/not-found`, `image/http`, ...
 */
export async function hashImage(request: ImageRequest, options: DecodeOptions = {}): Promise<string> {
  return request.hash ?? (await readImage(request, options)).hash
}
