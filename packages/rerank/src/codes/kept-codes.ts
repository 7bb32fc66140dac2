import { crc32 } from 'node:zlib'
import type { GalleryCodes } from '@lookalike/core'
import type { ImageCode } from './image-code.js'

/** The folder for codes inside a cache folder. */
export const CACHED_TOKENS = 'pair-tokens'

/** Images' codes where they are kept, by the image's content: checksum, tokens, embedding. */
export interface KeptCodes extends Pick<GalleryCodes, 'missing' | 'retain'> {
  /** Undefined where there is none, or a damaged one. */
  get(hashes: readonly string[]): Promise<(ImageCode | undefined)[]>
  put(codes: readonly { readonly hash: string; readonly code: ImageCode }[]): Promise<void>
}

/**
 * @param tokens values of one image's tokens
 * @param embedding values of one image's embedding
 */
export function createKeptCodes(codes: GalleryCodes, tokens: number, embedding: number): KeptCodes {
  const decode = (bytes: Uint8Array | undefined): ImageCode | undefined => {
    if (bytes?.length !== 4 + tokens * 2 + embedding * 4) return undefined
    const content = Uint8Array.from(bytes.subarray(4))
    if (crc32(content) !== new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)) return undefined
    return {
      tokens: new Uint16Array(content.buffer, 0, tokens),
      embedding: new Float32Array(content.buffer.slice(tokens * 2)),
    }
  }
  return {
    get: async (hashes) => (await codes.get(hashes)).map(decode),
    put: (given) => codes.put(given.map(({ hash, code }) => ({ hash, code: encode(code) }))),
    missing: (hashes) => codes.missing(hashes),
    retain: (hashes) => codes.retain(hashes),
  }
}

function encode(code: ImageCode): Uint8Array {
  const view = (array: Uint16Array | Float32Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  const content = Buffer.concat([view(code.tokens), view(code.embedding)])
  const check = Buffer.alloc(4)
  check.writeUInt32LE(crc32(content))
  return Buffer.concat([check, content])
}
