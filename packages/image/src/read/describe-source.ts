import type { ImageSource } from '@lookalike/core'

/** An image's source for people and error texts: its path or URL where it has one. */
export function describeSource(source: ImageSource): string {
  if (source instanceof URL) return shorten(source.href)
  if (typeof source === 'string') return shorten(source)
  if (source instanceof Uint8Array) return `an image of ${source.byteLength} bytes`
  return `raw pixels of ${source.width} x ${source.height}`
}

const shorten = (text: string) =>
  text.startsWith('data:') && text.length > 48 ? `${text.slice(0, 40)}... (${text.length} characters)` : text
