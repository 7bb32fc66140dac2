import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

/** What an entity tag says about a file's content: large files carry their SHA-256, small ones git's blob hash. */
export type Checksum = { readonly kind: 'sha256' | 'git-blob'; readonly hex: string } | undefined

/** Reads a hub's entity tag; other servers' tags are opaque and promise nothing about the content. */
export function checksumOf(etag: string | undefined): Checksum {
  if (etag === undefined) return undefined
  if (/^[0-9a-f]{64}$/.test(etag)) return { kind: 'sha256', hex: etag }
  if (/^[0-9a-f]{40}$/.test(etag)) return { kind: 'git-blob', hex: etag }
  return undefined
}

/** `W/"abc"` and `"abc"` to `abc`. */
export function plainEtag(header: string | null): string | undefined {
  const tag = header?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
  return tag === '' ? undefined : tag
}

/** Hashes a file without holding it in memory. */
export async function hashFile(file: string, kind: 'sha256' | 'git-blob' = 'sha256'): Promise<string> {
  const hash = createHash(kind === 'sha256' ? 'sha256' : 'sha1')
  if (kind === 'git-blob') hash.update(`blob ${(await stat(file)).size}\0`)
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}
