import type { RawImage } from '@lookalike/core'
import { DECODE_DEFAULTS, type DecodeOptions } from './decode-options.js'

/** Given the upright image's size, how many times smaller it may be decoded: 1, 2, 4 or 8. */
export type ShrinkChooser = (width: number, height: number) => number

export interface DecodedSource {
  /** The whole image, upright. */
  readonly image: RawImage
  /** Its size before it was decoded smaller. */
  readonly width: number
  readonly height: number
}

/** An image's bytes with all that bears on decoding them. */
export interface DecodeTask {
  readonly content: Uint8Array
  /** For error texts. */
  readonly name: string
  readonly options: DecodeOptions
  readonly shrinkBy?: ShrinkChooser | undefined
}

/** Memory of a decoding process: what a pixel may take, and what the program itself takes. */
export const maxMemoryOf = ({ content, options }: DecodeTask): number =>
  (options.maxPixels ?? DECODE_DEFAULTS.maxPixels) * 16 + content.byteLength * 2 + 256 * 2 ** 20
