import { BlockList, isIP } from 'node:net'

/** Ranges of the registries of special-purpose addresses (IANA, 2024) that are not on the public internet. */
const PRIVATE = new BlockList()
for (const [prefix, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local; clouds answer here with a machine's secrets.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, broadcast.
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(prefix, bits, 'ipv4')

/** Of the public range 2000::/3, what is for protocols, documentation or leads to IPv4 addresses. */
for (const [prefix, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  PRIVATE.addSubnet(prefix, bits, 'ipv6')

const PUBLIC_V6 = new BlockList()
PUBLIC_V6.addSubnet('2000::', 3, 'ipv6')

/**
 * Whether an IP address is one of the public internet: not of this machine, its network, a cloud's metadata service, or
 * reserved. IPv6 forms of IPv4 addresses count as those.
 *
 * @param address dotted IPv4 or IPv6, without brackets
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !PRIVATE.check(address, 'ipv4')
  if (isIP(address) !== 6) return false
  const plain = address.split('%')[0]!
  const mapped = embeddedV4(plain)
  if (mapped !== undefined) return !PRIVATE.check(mapped, 'ipv4')
  return PUBLIC_V6.check(plain, 'ipv6') && !PRIVATE.check(plain, 'ipv6')
}

/** The IPv4 address in ::ffff:a.b.c.d (mapped) or 64:ff9b::a.b.c.d (translated). */
function embeddedV4(address: string): string | undefined {
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const found = /^(?:::ffff:|64:ff9b::)([\da-f]{1,4}):([\da-f]{1,4})$/.exec(written)
  if (!found) return undefined
  const [high, low] = [Number.parseInt(found[1]!, 16), Number.parseInt(found[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
