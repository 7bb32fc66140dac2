/** An address, also as people misspell it and a browser still follows it: other slashes or none, and blanks before it. */
const ADDRESS = /^\s*(?!file:)([a-z][a-z0-9+.-]+:\/\/|(https?|ftp|wss?|s3):)/i
/** What the parsers of addresses leave out, wherever it stands. */
const IGNORED = /[\t\r\n]/g

/** A path or an address, without what may be a secret in it: names and passwords, tokens and signatures of queries, fragments. */
export function hideSecretsOf(address: string): string {
  return ADDRESS.test(address.replace(IGNORED, ''))
    ? withoutSecrets(address)
    : address.replace(/^(\s*[/\\]{2})[^/\\]*@/, '$1')
}

/** An address within a sentence; two slashes alone begin one only where a word begins. */
const WITHIN =
  /\b(?!file:)(?:[a-z][a-z0-9+.-]+:[/\\]{1,2}|(?:https?|ftp|wss?|s3):(?=[^\s/\\]*@))[^\s"'`<>]+|(?<![^\s"'`(])[/\\]{2}[^\s"'`<>/\\@]+@/gi

/** A text of somebody else's, such as a system's error, with {@link hideSecretsOf} done to the addresses that stand in it. */
export function hideSecrets(text: string): string {
  return text.replace(WITHIN, (address) => {
    const end = /[.,;:!?)\]]*$/.exec(address)!.index
    return hideSecretsOf(address.slice(0, end)) + address.slice(end)
  })
}

/** By text alone: addresses that cannot be parsed hold secrets too. */
function withoutSecrets(url: string): string {
  const [, scheme, authority, path, query] = /^([^:/\\]*:?[/\\]*)([^/?#\\]*)([^?#]*)(\?[^#]*)?/.exec(url)!
  const at = authority!.lastIndexOf('@')
  const host = at > 0 ? authority!.slice(at + 1) : authority!
  return `${scheme}${host}${path}${query ? query.replace(/([?&;])([^=&;]+)=([^&;]*)/g, hideValue) : ''}`
}

const SECRET_NAME = /token|secret|sign|^sig$|key|pass|pwd|auth|cred|session|jwt|code|hash|policy|^se?$|^st$/i
/** Longer values without a word in them are keys of some kind. */
const SECRET_VALUE = /^[\w%+/=.~-]{32,}$/

const hideValue = (all: string, mark: string, name: string, value: string) =>
  value !== '' && (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) ? `${mark}${name}=***` : all
