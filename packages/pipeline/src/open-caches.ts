import type { EmbeddingCache, Warning } from '@lookalike/core'
import { toWarning } from '@lookalike/core'
import { openEmbeddingCache } from '@lookalike/image'

/** The embedding caches of a folder, one a space, each opened once. */
export interface Caches {
  open(space: string, dim: number): Promise<EmbeddingCache>
  close(): Promise<void>
}

/** Where a cache cannot be opened or written, embeddings are not kept, and that is said once. */
export function openCaches(folder: string, onWarning?: (warning: Warning) => void): Caches {
  const caches = new Map<string, Promise<EmbeddingCache>>()
  let warned = false
  const warn = (error: unknown) => {
    if (!warned) onWarning?.(toWarning(error))
    warned = true
  }
  const open = async (space: string, dim: number): Promise<EmbeddingCache> => {
    let cache: EmbeddingCache
    try {
      cache = await openEmbeddingCache(folder, space, dim)
    } catch (error) {
      warn(error)
      return NOTHING
    }
    let works = true
    return {
      get size() {
        return cache.size
      },
      has: (key) => cache.has(key),
      get: (keys) => cache.get(keys),
      async put(keys, vectors) {
        if (!works) return
        await cache.put(keys, vectors).catch((error: unknown) => {
          works = false
          warn(error)
        })
      },
      close: () => cache.close(),
    }
  }
  return {
    open(space, dim) {
      const key = `${dim} ${space}`
      const opened = caches.get(key) ?? open(space, dim)
      caches.set(key, opened)
      return opened
    },
    async close() {
      for (const cache of await Promise.allSettled(caches.values()))
        if (cache.status === 'fulfilled') await cache.value.close()
      caches.clear()
    },
  }
}

const NOTHING: EmbeddingCache = {
  size: 0,
  has: () => false,
  get: (keys) => Array.from(keys, () => undefined),
  put: async () => undefined,
  close: async () => undefined,
}
