import { hostname, networkInterfaces } from 'node:os'

/** Whether an address that a server is bound to reaches this machine alone. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/i.test(host)

export interface AskedHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
}

export interface OwnAddressOptions {
  /** What the server is bound to. */
  readonly bound: string
  /** Further names that lead here, of a proxy say. */
  readonly hosts?: readonly string[] | undefined
}

/**
 * Another site's page must not reach a server, neither under a name of its own that leads here (`host`) nor from where it is (`origin`).
 *
 * @returns what is foreign about a request, or undefined
 */
export function foreignPart(
  { host = '', origin }: AskedHeaders,
  { bound, hosts = [] }: OwnAddressOptions,
): 'host' | 'origin' | undefined {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  if (!ownNames().has(name) && ![bound, ...hosts].some((each) => each.toLowerCase() === name)) return 'host'
  if (origin === undefined) return undefined
  const here = [`http://${host}`, `https://${host}`].map((each) => each.toLowerCase())
  return here.includes(origin.toLowerCase()) ? undefined : 'origin'
}

/** Milliseconds that names of this machine are remembered: networks come and go. */
const REMEMBERED = 5000
let remembered: { readonly at: number; readonly names: ReadonlySet<string> } | undefined

function ownNames(): ReadonlySet<string> {
  if (remembered && performance.now() - remembered.at < REMEMBERED) return remembered.names
  const own = hostname().toLowerCase()
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
  const names = new Set(['localhost', '127.0.0.1', '::1', own, `${own}.local`, ...addresses])
  remembered = { at: performance.now(), names }
  return names
}
