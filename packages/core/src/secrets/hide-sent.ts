/**
 * What a service answered, without what it was sent: some repeat the token that they do not know.
 *
 * @param authorization the header, as it was sent
 */
export function hideSent(answer: string, authorization: string | undefined): string {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)/.exec(authorization ?? '') ?? []
  const password = /^basic$/i.test(scheme) ? atob(value).replace(/^[^:]*:/, '') : ''
  return [value, password].filter(Boolean).reduce((text, secret) => text.replaceAll(secret, '***'), answer)
}
