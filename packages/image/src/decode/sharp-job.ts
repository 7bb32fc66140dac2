import type { Metadata, Sharp, default as SharpModule, SharpOptions } from 'sharp'
import { loadSharp } from './load-sharp.js'

/** One call of a method of sharp, as data: it goes to another process too. */
export type SharpStep =
  | readonly ['resize', width: number, height: number, options: { readonly fit: 'fill' }]
  | readonly ['rotate', degrees: number]
  | readonly ['autoOrient']
  | readonly ['toColourspace', space: string]
  | readonly ['raw', options: { readonly depth: 'uchar' | 'ushort' | 'float' }]

/** What of the metadata is needed; it is plain data. */
export type ImageHeader = Pick<
  Metadata,
  'format' | 'width' | 'height' | 'orientation' | 'space' | 'depth' | 'bitsPerSample'
>

export interface DecodedBytes {
  /** Values of the depth that was asked for, in the machine's byte order. */
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: number
}

/** An image's bytes, opened by the decoder in this process or in another. */
export interface OpenedImage {
  header(input: SharpOptions): Promise<ImageHeader>
  pixels(input: SharpOptions, steps: readonly SharpStep[]): Promise<DecodedBytes>
  close(): void
}

export async function openHere(content: Uint8Array): Promise<OpenedImage> {
  const sharp: typeof SharpModule = await loadSharp()
  return {
    header: (input) => sharp(content, input).metadata(),
    async pixels(input, steps) {
      let image = sharp(content, input)
      for (const [name, ...parameters] of steps) image = (image[name] as (...args: unknown[]) => Sharp)(...parameters)
      const { data, info } = await image.toBuffer({ resolveWithObject: true })
      return { data, width: info.width, height: info.height, channels: info.channels }
    },
    close() {},
  }
}
