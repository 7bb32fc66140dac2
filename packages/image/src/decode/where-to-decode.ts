import type { ImageFormat } from '../read/sniff-format.js'
import type { ImageHeader } from './sharp-job.js'

const SIMPLE: readonly ImageFormat[] = ['jpeg', 'png', 'webp', 'gif']

/**
 * Whether decoding takes a time that the header tells, so that it may run in a thread of this process, where nothing can
 * stop it. Drawings, TIFF with its many codecs, and video frames may take any time.
 */
export const isSimple = (format: ImageFormat): boolean => SIMPLE.includes(format)

/** About two seconds of the slowest of them. */
const MAX_PIXELS = 50_000_000
const MAX_PIXEL_SCANS = 200_000_000

/** Whether an image of a simple format is small enough for this process. */
export function isCheap(content: Uint8Array, { format, width, height }: ImageHeader): boolean {
  const pixels = width * height
  return pixels <= MAX_PIXELS && (format !== 'jpeg' || pixels * countScans(content) <= MAX_PIXEL_SCANS)
}

const SCAN = Buffer.from([0xff, 0xda])

/** A JPEG goes over its pixels once a scan, and a few bytes are a scan. */
function countScans(content: Uint8Array): number {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  let count = 0
  for (let at = bytes.indexOf(SCAN); at >= 0; at = bytes.indexOf(SCAN, at + 2)) count++
  return count
}
