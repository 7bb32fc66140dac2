/** How an image is read and decoded. */
export interface DecodeOptions {
  /** RGB, 0 to 255, under transparent pixels. Default: white (ours). */
  readonly background?: readonly [number, number, number] | undefined
  /** Images of more pixels are refused before they are decoded. Default: 100 million (300 MB decoded; ours). */
  readonly maxPixels?: number | undefined
  /** Files and responses of more bytes are refused before they are read. Default: 256 MiB (ours). */
  readonly maxBytes?: number | undefined
  /** Milliseconds that a download may take as a whole. Default: 30,000 (ours). */
  readonly timeout?: number | undefined
  /** Stops downloads, and decoding before its next step; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export const DECODE_DEFAULTS = {
  background: [255, 255, 255],
  maxPixels: 100_000_000,
  maxBytes: 256 * 1024 * 1024,
  timeout: 30_000,
} as const satisfies DecodeOptions
