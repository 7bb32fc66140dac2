import { createHash } from 'node:crypto'

/** The namespace of our names, in the sense of RFC 9562. */
const NAMESPACE = Buffer.from('6d1c5a1e6f1b4d0f9a3e2b7c8d4f5a60', 'hex')

/** A UUID (version 5) of a text: Qdrant takes only numbers and UUIDs as ids of points. */
export function pointId(text: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(text).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
