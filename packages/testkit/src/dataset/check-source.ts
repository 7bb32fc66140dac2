import { readFile } from 'node:fs/promises'
import type { ImageSource } from '@lookalike/core'

/** First bytes of image files, in hexadecimal; for the last ones after four bytes that vary. */
const STARTS = [
  'ffd8ff',
  '89504e47',
  '47494638',
  '52494646',
  '424d',
  '49492a00',
  '4d4d002a',
  'ff0a',
  '0000000c4a584c20',
]

/**
 * Says why a source cannot be an image: a file that is not there or does not begin like one, pixels of another number than their
 * size. Does not decode; a data set that must be sure passes its own `readImage`.
 *
 * @throws what reading throws, or a sentence.
 */
export async function checkSource(source: ImageSource): Promise<void> {
  if (typeof source === 'object' && 'width' in source) {
    const { data, width, height } = source
    if (data.length !== width * height * 3) throw new Error(`${data.length} values for ${width} x ${height} pixels`)
    return
  }
  if (typeof source === 'string' && /^https?:/.test(source)) return
  const start = Buffer.from((await bytesOf(source)).subarray(0, 64))
  const hex = start.toString('hex')
  // AVIF and HEIC name themselves behind their size, SVG is text.
  const known =
    STARTS.some((one) => hex.startsWith(one)) ||
    start.toString('latin1', 4, 8) === 'ftyp' ||
    start.toString('utf8').trimStart().startsWith('<')
  if (!known)
    throw new Error(start.length === 0 ? 'it is empty' : `it begins with ${hex.slice(0, 16)}, as no image does`)
}

async function bytesOf(source: string | URL | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  const text = String(source)
  if (text.startsWith('data:')) return new Uint8Array(await (await fetch(text)).arrayBuffer())
  return readFile(text.startsWith('file:') ? new URL(text) : text)
}
