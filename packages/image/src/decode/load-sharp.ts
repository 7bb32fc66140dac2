import { LookalikeError } from '@lookalike/core'
import type { default as Sharp } from 'sharp'

let loading: Promise<typeof Sharp> | undefined

/**
 * The image decoder, loaded on the first image.
 *
 * @throws `image/decoder-missing` with the install command.
 */
export function loadSharp(): Promise<typeof Sharp> {
  loading ??= import('sharp').then(
    (module) => module.default,
    (cause: unknown) => {
      loading = undefined
      throw missingDecoder(cause)
    },
  )
  return loading
}

export const missingDecoder = (cause?: unknown): LookalikeError =>
  new LookalikeError(
    'image/decoder-missing',
    {
      problem: 'Image files cannot be decoded: the package sharp is not installed or does not load on this machine',
      expected: 'sharp 0.35 or newer, an optional peer of @lookalike/image',
      fix: 'Install it: npm install sharp. Raw pixels work without it.',
    },
    { cause },
  )
