import { createHash } from 'node:crypto'
import { createEmbeddings, type ImageRequest, LookalikeError } from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'

/** Pictures are three bytes: a colour, whose direction is the vector. `wait` holds every task back until it resolves. */
export function fakePool({
  wait = async () => {},
  rerank,
}: {
  wait?: (signal?: AbortSignal) => Promise<void>
  rerank?: EncoderPool['rerank'] | undefined
} = {}): EncoderPool {
  const bytesOf = ({ source }: ImageRequest) => {
    if (source instanceof Uint8Array && source.length === 3) return source
    throw new LookalikeError('image/unsupported', { problem: 'not three bytes' })
  }
  return {
    name: 'colours',
    dim: 3,
    space: 'colours/1',
    symmetric: true,
    rerankers: rerank ? [{ name: 'fake', needs: 'embeddings', topN: 3 }] : [],
    async rerank(list, options) {
      return rerank!(list, options)
    },
    async embed(image, _role, { signal } = {}) {
      await wait(signal)
      const bytes = bytesOf(image)
      const length = Math.hypot(...bytes)
      const data = Float32Array.from(bytes, (value) => value / length)
      const embeddings = createEmbeddings({ data, rows: 1, dim: 3, space: 'colours/1', role: 'any' })
      return { embeddings, hash: createHash('sha256').update(bytes).digest('hex'), warnings: [] }
    },
    async thumbnail(image, edge) {
      const { source } = image
      if (String(source).includes('gone'))
        throw new LookalikeError('image/not-found', { problem: `no ${String(source)}` })
      return {
        picture: new TextEncoder().encode(`${edge}`),
        hash: createHash('sha256').update(String(source)).digest('hex'),
      }
    },
    state: () => ({ ready: 1, queued: 0, running: 0, replaced: 0 }),
    dispose: async () => undefined,
  }
}
