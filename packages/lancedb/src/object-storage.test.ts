import { createEmbeddings } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startS3Server } from '../../../tests/helpers/s3-server.js'
import { lanceStore } from './index.js'

/* A gallery in a store that speaks S3, on this machine. */

let server: Awaited<ReturnType<typeof startS3Server>> | undefined
beforeAll(async () => {
  server = await startS3Server('shop')
  vi.stubEnv('AWS_ENDPOINT', server.url)
  vi.stubEnv('AWS_ALLOW_HTTP', 'true')
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server?.close()
})

const SPACE = { space: 'test/space', dim: 3 }
const vectors = (...rows: number[][]) => ({
  embeddings: createEmbeddings({ data: rows.flat(), rows: rows.length, ...SPACE, role: 'gallery' }),
})

describe('a gallery in object storage', () => {
  it('is made, changed, searched, rewritten and read again', async () => {
    const store = lanceStore({ uri: 's3://shop/galleries' })
    expect(await store.describe()).toBeUndefined()
    const gallery = await store.open(SPACE)
    const items = [
      { id: 'a', hash: 'h', metadata: { colour: 'red' } },
      { id: 'b', hash: 'h' },
      { id: 'c', hash: 'h', metadata: { colour: 'blue' } },
    ]
    await gallery.add(items, vectors([1, 0, 0], [0, 1, 0], [0, 0, 1]))
    const reader = await store.open({ mode: 'read' })
    await gallery.update([{ id: 'b', metadata: { colour: 'green' } }])
    expect(await gallery.remove(['c'])).toBe(1)
    expect(await gallery.count({ filter: { colour: ['green', 'blue'] } })).toBe(1)
    const queries = { ...vectors([0, 1, 0]).embeddings, role: 'query' as const }
    expect((await gallery.search(queries, 5))[0]!.map(({ entry }) => entry.id)).toEqual(['b', 'a'])
    const codes = gallery.codes('test', 'key')
    await codes.put([{ hash: 'h', code: Uint8Array.of(1, 2) }])
    expect(await codes.get(['h', 'i'])).toEqual([Uint8Array.of(1, 2), undefined])
    expect(await reader.count()).toBe(3)
    expect(await reader.refresh()).toBe(true)
    expect(await reader.count()).toBe(2)
    await reader.close()

    await gallery.rewrite({
      ...SPACE,
      space: 'test/new',
      transform: async ({ embeddings }) => ({
        embeddings: { ...embeddings, space: 'test/new', data: embeddings.data.map((value) => value * 2) },
      }),
    })
    await gallery.compact()
    await gallery.close()
    const again = await store.open({ mode: 'read' })
    expect(again.space).toBe('test/new')
    expect([...(await again.vectors(['b', 'a'])).data]).toEqual([0, 2, 0, 2, 0, 0])
    await again.verify()
    await again.close()
  })

  it('whose bucket, or whose server, is not there: an error that says so', async () => {
    const open = () => lanceStore({ uri: 's3://nobody/galleries' }).open(SPACE)
    await expect(open()).rejects.toMatchObject({ code: expect.stringMatching(/^gallery\//) as string })
    vi.stubEnv('AWS_ENDPOINT', 'http://127.0.0.1:1')
    await expect(lanceStore({ uri: 's3://shop/galleries' }).open(SPACE)).rejects.toMatchObject({
      code: 'gallery/unavailable',
    })
  })
})
