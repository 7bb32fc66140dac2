import { hideSecretsOf, type ImageSource } from '@lookalike/core'

/**
 * An image's source for people, error texts and logs: its path or URL where it has one, without what may be a secret in it
 * (names and passwords, tokens and signatures of queries, fragments).
 */
export function describeSource(source: ImageSource): string {
  if (source instanceof URL) return describeText(source.href)
  if (typeof source === 'string') return describeText(source)
  if (typeof source !== 'object' || source === null) return String(source)
  if (source instanceof Uint8Array) return `an image of ${source.byteLength} bytes`
  return `raw pixels of ${source.width} x ${source.height}`
}

function describeText(text: string): string {
  if (text.slice(0, 5).toLowerCase() === 'data:')
    return text.length > 48 ? `${text.slice(0, 40)}... (${text.length} characters)` : text
  return hideSecretsOf(text)
}
