/**
 * Where an image comes from: a path, an `http(s)`, `file` or `data` URL, the bytes of an encoded file, or raw pixels.
 */
export type ImageSource = string | URL | Uint8Array | RawImage

/** Decoded pixels: 8-bit RGB, row-major, `data.length === width * height * 3`. */
export interface RawImage {
  readonly data: Uint8Array
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
}

/** A box as fractions of the upright image's width and height, each in [0, 1]. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** An image to load, optionally only a box of it. */
export interface ImageRequest {
  readonly source: ImageSource
  readonly box?: Box | undefined
  /** What the source holds, where it has been read before; then it is not read again. */
  readonly content?: Uint8Array | RawImage | undefined
  /** As `hashImage` gives it, where it is known. */
  readonly hash?: string | undefined
}

/** How far reading an image may go, as the config's `images` says. */
export interface ImageLimits {
  /** Images of more pixels are refused. */
  readonly maxPixels?: number | undefined
  /** Files and responses of more bytes are refused. */
  readonly maxBytes?: number | undefined
  /** Milliseconds of processor time that decoding one image may take. */
  readonly deadline?: number | undefined
  /** A file that ends early: `read` what is there, with a warning, or `fail`. Default `read`. */
  readonly truncated?: 'read' | 'fail' | undefined
  /** What http addresses may name: `public` hosts, `any`, or `none`. Default `public`. */
  readonly urls?: 'public' | 'any' | 'none' | undefined
}

/** What a config says of the images that data names. */
export interface ImageAccess extends ImageLimits {
  /** Absolute folders, besides the data's own root, in which data may name files. Default: none. */
  readonly paths?: readonly string[] | undefined
}

export type Interpolation = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'

/**
 * How an image becomes a model's input. Plain data that travels with the weights. Order: decode, EXIF rotation, alpha
 * flattened on `background`, box, resize, centre crop or pad, `value = (pixel * scale - mean) / std`, channel order, layout.
 */
export interface Preprocessing {
  readonly resize:
    | { readonly mode: 'shortest-edge' /** Pixels. */; readonly size: number }
    /** Both edges to `width` and `height`, by default the crop size; the aspect ratio is not kept. Pixels. */
    | { readonly mode: 'squash'; readonly width?: number | undefined; readonly height?: number }
    /** Aspect kept, the whole image inside the crop size, the rest filled with `background`. */
    | { readonly mode: 'pad' }
  /** The model's input size in pixels; cut from the centre of the resized image (torchvision's rounding). */
  readonly crop: { readonly width: number; readonly height: number }
  readonly interpolation: Interpolation
  /** RGB, 0 to 255; under alpha and around padded images. */
  readonly background: readonly [number, number, number]
  /** Multiplies the 0 to 255 pixel value, usually 1/255. */
  readonly scale: number
  /** RGB, in units of `pixel * scale`. */
  readonly mean: readonly [number, number, number]
  /** RGB, in units of `pixel * scale`. */
  readonly std: readonly [number, number, number]
  readonly channels: 'rgb' | 'bgr'
  readonly layout: 'nchw' | 'nhwc'
}
