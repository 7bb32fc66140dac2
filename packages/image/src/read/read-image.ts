import { createHash } from 'node:crypto'
import type { ImageRequest, RawImage } from '@lookalike/core'
import type { DecodeOptions } from '../decode/decode-options.js'
import { readSource } from './read-source.js'

/** What an image's source holds, and the hash that `hashImage` gives, from one reading. */
export async function readImage(
  request: ImageRequest,
  options: DecodeOptions = {},
): Promise<{ readonly content: Uint8Array | RawImage; readonly hash: string }> {
  const content = await contentOf(request, options)
  return { content, hash: request.hash ?? hashOf(content, request) }
}

/** The bytes or pixels of a request, read where they are not there already. */
export async function contentOf(
  { source, content }: ImageRequest,
  options: DecodeOptions,
): Promise<Uint8Array | RawImage> {
  return content ?? readSource(source, options)
}

function hashOf(content: Uint8Array | RawImage, { box }: ImageRequest): string {
  const hash = createHash('sha256')
  if (content instanceof Uint8Array) hash.update(content)
  else hash.update(`raw ${content.width}x${content.height} `).update(content.data)
  if (!box) return hash.digest('hex')
  return createHash('sha256')
    .update(`${hash.digest('hex')} ${box.x} ${box.y} ${box.width} ${box.height}`)
    .digest('hex')
}
