import { readsHeic } from '../decode/decode-heic.js'

/** Endings of the files that can be read as images. */
const READABLE = /\.(jpe?g|jpe|jfif|png|webp|avif|tiff?|gif|bmp|dib|svg)$/i
const HEIC = /\.(heic|heif|hif)$/i
/** Pictures in formats that are not read. */
const OTHER_PICTURES = /\.(jxl|jp2|psd|ico|tga|pcx|p[bgnp]m|xcf|eps|ai|pdf|dng|cr[23]|nef|arw|orf|rw2|raf|raw)$/i

/** What a file is, by its name alone. */
export type FileKind = 'image' | 'heic' | 'format' | 'no-extension' | 'other'

export function fileKind(name: string): FileKind {
  if (READABLE.test(name)) return 'image'
  if (HEIC.test(name)) return readsHeic() ? 'image' : 'heic'
  if (OTHER_PICTURES.test(name)) return 'format'
  return /[^.]\.[^.]+$/.test(name) ? 'other' : 'no-extension'
}
