import { lookup as resolveHost } from 'node:dns'
import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps, Agent as SecureAgent } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { LookalikeError } from '@lookalike/core'
import type { UrlAccess } from '../../decode/decode-options.js'
import { describeSource } from '../describe-source.js'
import { isPublicAddress } from './is-public-address.js'

const MAX_REDIRECTS = 10

/** Connections that were checked when they were made, and are kept for more images of the same host. */
const CHECKED = { 'http:': new Agent({ keepAlive: true }), 'https:': new SecureAgent({ keepAlive: true }) }

/**
 * Sends a GET request and follows redirects. With `public` access every host is resolved first, all of its addresses must be
 * public, and the connection goes to those very addresses; redirects are checked alike.
 *
 * @throws `image/not-allowed`, `image/bad-url`, `image/http`; the connection's own `Error`
 */
export async function requestUrl(address: string, access: UrlAccess, signal: AbortSignal): Promise<IncomingMessage> {
  let url = parse(address)
  const first = url.origin
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    checkUrl(url, access)
    const response = await send(url, access, signal, url.origin === first)
    const { statusCode = 0, headers } = response
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy()
      url = parse(headers.location, url)
      continue
    }
    if (statusCode >= 200 && statusCode < 300) return response
    response.destroy()
    throw new LookalikeError(
      'image/http',
      {
        problem: `${describeSource(url)} answered ${statusCode} ${response.statusMessage ?? ''}`.trimEnd(),
        expected: 'an image',
      },
      { fields: { source: describeSource(address), status: statusCode } },
    )
  }
  throw new LookalikeError(
    'image/http',
    { problem: `${describeSource(address)} redirects more than ${MAX_REDIRECTS} times`, expected: 'an image' },
    { fields: { source: describeSource(address) } },
  )
}

function parse(address: string, base?: URL): URL {
  try {
    return new URL(address, base)
  } catch {
    throw new LookalikeError(
      'image/bad-url',
      { problem: `${describeSource(address)} is not a valid address`, expected: 'an http or https URL' },
      { fields: { source: describeSource(address) } },
    )
  }
}

/** What can be said before anything is resolved: the scheme, and hosts that are addresses themselves. */
function checkUrl(url: URL, access: UrlAccess): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw notAllowed(url, `is not an http address`, 'an http or https address')
  if (access === 'none') throw notAllowed(url, 'is an http address', 'a file')
  // Decimal, octal and hexadecimal forms are dotted ones here: URLs know them.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (access === 'public' && isIP(host) && !isPublicAddress(host)) throw notPublic(url)
}

const notPublic = (url: URL) =>
  notAllowed(url, 'leads to this machine or its network', 'an address on the public internet')

function notAllowed(url: URL, problem: string, expected: string): LookalikeError {
  const source = describeSource(url)
  return new LookalikeError(
    'image/not-allowed',
    {
      problem: `${source} ${problem}`,
      expected,
      fix: 'Where everyone who wrote these addresses is trusted, allow them: images.urls "any" in the config, urls: "any" in code.',
    },
    { fields: { source } },
  )
}

function send(url: URL, access: UrlAccess, signal: AbortSignal, withCredentials: boolean): Promise<IncomingMessage> {
  const user = withCredentials && (url.username || url.password)
  const options: RequestOptions = {
    signal,
    headers: {
      accept: 'image/*',
      'accept-encoding': 'identity',
      'user-agent': 'lookalike',
    },
    auth: user ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` : undefined,
    ...(access === 'public' && { lookup: publicLookup(url), agent: CHECKED[url.protocol as keyof typeof CHECKED] }),
  }
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(bare, options, resolve)
    request.on('error', reject)
    request.end()
  })
}

/** Resolves a host for the connection; an answer with an address that is not public is refused as a whole. */
const publicLookup =
  (url: URL): LookupFunction =>
  (host, options, callback) => {
    resolveHost(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 4)
      const inside = addresses.length === 0 || addresses.some(({ address }) => !isPublicAddress(address))
      if (inside) return callback(notPublic(url), '', 4)
      if (options.all) callback(null, addresses)
      else callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
