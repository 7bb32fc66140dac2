import { LookalikeError, type Warning } from '@lookalike/core'

/** How an image is read and decoded. */
export interface DecodeOptions {
  /** RGB, 0 to 255, under transparent pixels. Default: white (ours). */
  readonly background?: readonly [number, number, number] | undefined
  /** Images of more pixels are refused before they are decoded. Default: 100 million (ours). */
  readonly maxPixels?: number | undefined
  /** Files and responses of more bytes are refused before they are read. Default: 256 MiB (ours). */
  readonly maxBytes?: number | undefined
  /** Milliseconds that a download may take as a whole. Default: 30,000 (ours). */
  readonly timeout?: number | undefined
  /** Milliseconds of processor time that decoding one image may take. Default: 20,000 (ours). */
  readonly deadline?: number | undefined
  /** A file that ends early: `read` what is there, with a warning, or `fail`. Default: `read` (ours). */
  readonly truncated?: 'read' | 'fail' | undefined
  /**
   * What http addresses may name: `public` hosts, also after redirects; `any`, those of this machine and its network
   * included; or `none`. Default: `public`. Set `any` only for addresses that a trusted person wrote.
   */
  readonly urls?: UrlAccess | undefined
  /** Stops reading and decoding; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** `image/truncated`, `image/damaged`, `image/dark`, `image/range`: the image was read, with what should be known of it. */
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/** @throws `image/options` naming the option */
export function checkDecodeOptions(options: DecodeOptions): void {
  const problem = problemOf(options)
  if (problem === undefined) return
  const [name, expected] = problem
  throw new LookalikeError(
    'image/options',
    { problem: `The option ${name} is ${describe(options[name])}`, expected },
    { fields: { option: name } },
  )
}

function problemOf(options: DecodeOptions): readonly [keyof DecodeOptions, string] | undefined {
  for (const name of ['maxPixels', 'maxBytes', 'timeout', 'deadline'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && !(typeof value === 'number' && value > 0)) return [name, 'a number above 0']
  }
  const { background, truncated, urls, onWarning, signal } = options
  const isColour = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 255
  if (background !== undefined && !(Array.isArray(background) && background.length === 3 && background.every(isColour)))
    return ['background', 'three numbers from 0 to 255']
  if (truncated !== undefined && !['read', 'fail'].includes(truncated)) return ['truncated', 'read or fail']
  if (urls !== undefined && !['public', 'any', 'none'].includes(urls)) return ['urls', 'public, any or none']
  if (onWarning !== undefined && typeof onWarning !== 'function') return ['onWarning', 'a function']
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') return ['signal', 'an AbortSignal']
  return undefined
}

function describe(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value)?.slice(0, 80) ?? String(value))
}

export type UrlAccess = 'public' | 'any' | 'none'

export const DECODE_DEFAULTS = {
  background: [255, 255, 255],
  maxPixels: 100_000_000,
  maxBytes: 256 * 1024 * 1024,
  timeout: 30_000,
  deadline: 20_000,
  truncated: 'read',
  urls: 'public',
} as const satisfies DecodeOptions
