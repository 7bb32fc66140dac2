import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Platform } from './platform.js'

export const platform: Platform = {
  // The browser's own is not there in pages without https, and takes no parts.
  sha256() {
    const hash = sha256.create()
    return {
      update: (part) => void hash.update(typeof part === 'string' ? utf8ToBytes(part) : part),
      hex: () => bytesToHex(hash.digest()),
    }
  },
  breathe: () => new Promise((resolve) => setTimeout(resolve, 0)),
  notes: () => ({ read: async () => undefined, write: async () => undefined }),
}
