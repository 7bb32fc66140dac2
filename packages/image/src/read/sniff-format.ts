import { isBmp } from '../decode/bmp/read-bmp-header.js'

export const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif', 'bmp', 'svg', 'heic'] as const
export type ImageFormat = (typeof IMAGE_FORMATS)[number]

const latin = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))

/** The format that the first bytes announce, whatever the file is called; undefined when it is none that is decoded. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = latin(bytes, 0, 16)
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif'
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp'
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(head.slice(0, 4))) return 'tiff'
  if (head.slice(4, 8) === 'ftyp') return isobmff(bytes)
  if (isBmp(bytes)) return 'bmp'
  return /^<([\w-]+:)?svg[\s>/]/i.test(skipProlog(textOf(bytes.subarray(0, 4096)))) ? 'svg' : undefined
}

/** What follows an XML file's declaration, comments and document type. */
function skipProlog(xml: string): string {
  let rest = xml.trimStart()
  for (;;) {
    const end = rest.startsWith('<?')
      ? '?>'
      : rest.startsWith('<!--')
        ? '-->'
        : /^<!doctype\s+svg/i.test(rest)
          ? endOfDoctype(rest)
          : undefined
    if (end === undefined) return rest
    const at = rest.indexOf(end)
    if (at < 0) return ''
    rest = rest.slice(at + end.length).trimStart()
  }
}

/** Entities are declared in brackets, with angle brackets of their own. */
const endOfDoctype = (rest: string) => (/^[^>]*\[/.test(rest) ? ']>' : '>')

/** Any of the brands in the file type box will do: cameras and encoders put `mif1` or `miaf` first. */
function isobmff(bytes: Uint8Array): ImageFormat | undefined {
  if (bytes.length < 12) return undefined
  const length = Math.min(256, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0))
  const brands = latin(bytes, 8, length)
  if (/avi[fs]/.test(brands)) return 'avif'
  return /hei[cxms]|hev[cxms]|mif1|msf1/.test(brands) ? 'heic' : undefined
}

/** XML as text, by its byte order mark. */
export function textOf(bytes: Uint8Array): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  return new TextDecoder(utf16 ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(bytes)
}

/** What a file that is no image seems to be, for the error's text. */
export function guessContent(bytes: Uint8Array): string {
  const head = latin(bytes, 0, 12)
  if (head.startsWith('%PDF')) return 'PDF'
  if (head.startsWith('PK\x03\x04')) return 'a ZIP archive'
  if (head.slice(4, 8) === 'ftyp') return 'a video'
  if (head.startsWith('version https')) return 'a Git LFS pointer'
  const sample = textOf(bytes.subarray(0, 4096))
  if (/^\s*(<!doctype html|<html)/i.test(sample)) return 'an HTML page'
  return /^[\t\n\r\x20-\x7e\u00a0-\uffff]*$/.test(sample) && !sample.includes('\ufffd') ? 'text' : 'unknown content'
}
