import type { ImageSource } from '@lookalike/core'

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
  return ADDRESS.test(text.replace(IGNORED, '')) ? withoutSecrets(text) : text.replace(/^(\s*[/\\]{2})[^/\\]*@/, '$1')
}

/** An address, also as people misspell it and a browser still follows it: other slashes or none, and blanks before it. */
const ADDRESS = /^\s*(?!file:)([a-z][a-z0-9+.-]+:\/\/|(https?|ftp|wss?|s3):)/i
/** What the parsers of addresses leave out, wherever it stands. */
const IGNORED = /[\t\r\n]/g

/** By text alone: addresses that cannot be parsed hold secrets too. */
function withoutSecrets(url: string): string {
  const [, scheme, authority, path, query] = /^([^:/\\]*:?[/\\]*)([^/?#\\]*)([^?#]*)(\?[^#]*)?/.exec(url)!
  const host = authority!.slice(authority!.lastIndexOf('@') + 1)
  return `${scheme}${host}${path}${query ? query.replace(/([?&;])([^=&;]+)=([^&;]*)/g, hideValue) : ''}`
}

const SECRET_NAME = /token|secret|sign|^sig$|key|pass|pwd|auth|cred|session|jwt|code|hash|policy|^se?$|^st$/i
/** Longer values without a word in them are keys of some kind. */
const SECRET_VALUE = /^[\w%+/=.~-]{32,}$/

const hideValue = (all: string, mark: string, name: string, value: string) =>
  value !== '' && (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) ? `${mark}${name}=***` : all
