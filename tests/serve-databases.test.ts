import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry } from '@lookalike/core'
import { findDuplicates } from '@lookalike/gallery'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { root } from './helpers/run-cli.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-served-'))
  await makePhotos(path.join(folder, 'photos'), 2)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each([
  { use: 'lancedb', uri: './lance', exactBelow: 5 },
  { use: 'postgres', embedded: './pglite', exactBelow: 5 },
])('a gallery in $use', (gallery) => {
  it('is served: searched, reranked, paged, changed, looked through', async () => {
    const dist = (name: string) => path.join(root, `packages/${name}/dist/index.js`)
    const own = path.join(root, 'tests/plugins/colour-grid.js')
    const plugins = await loadPlugins([own, ...['gallery', 'lancedb', 'postgres', 'rerank'].map(dist)], folder)
    const defaults = {
      encoder: 'colour-grid',
      index: 'exact',
      rerankers: ['k-reciprocal'],
      gallery,
      serve: { port: 0, write: true },
    }
    const registry = createRegistry(plugins)
    const pipeline = await createPipeline(defaultConfig(folder, { defaults }), registry)
    // Its processes run the built package.
    const { servePipeline } = (await import(dist('server'))) as typeof import('@lookalike/server')
    const server = await servePipeline(pipeline, registry, { version: '1', findDuplicates })
    try {
      const ask = async (method: string, at: string, body?: unknown) => {
        const headers = { 'content-type': 'application/json' }
        const init = { method, ...(body !== undefined && { headers, body: JSON.stringify(body) }) }
        return (await (await fetch(`${server.url}api/v1${at}`, init)).json()) as any
      }
      const idsOf = ({ hits, items }: { hits?: { id: string }[]; items?: { id: string }[] }) =>
        (hits ?? items)!.map(({ id }) => id)
      const all: string[] = []
      for (const colour of ['red', 'green', 'blue'])
        for (const n of [0, 1]) {
          const image = await readFile(path.join(folder, 'photos', colour, `${n}.png`), 'base64')
          const put = { image, metadata: { colour, price: n } }
          expect(await ask('PUT', `/items/${colour}%2F${n}`, put)).toMatchObject({ id: `${colour}/${n}` })
          all.push(`${colour}/${n}`)
        }
      const like = { positives: [{ id: 'red/0' }] }
      expect(idsOf(await ask('POST', '/search', { ...like, k: 1 }))).toEqual(['red/1'])
      const cheap = await ask('POST', '/search', { ...like, filter: { price: { lt: 1 } } })
      expect(idsOf(cheap).sort()).toEqual(['blue/0', 'green/0'])
      const reranked = await ask('POST', '/search', { ...like, k: 3, rerank: true })
      expect(reranked.hits[0]).toMatchObject({ id: 'red/1', rankBefore: 1 })
      const first = await ask('GET', '/items?limit=4')
      const second = await ask('GET', `/items?limit=4&after=${encodeURIComponent(first.next)}`)
      expect([...idsOf(first), ...idsOf(second)].sort()).toEqual(all.sort())
      expect(await ask('POST', '/items/reject', { ids: ['red/1'] })).toEqual({ changed: 1 })
      expect(idsOf(await ask('POST', '/search', { ...like, k: 9 }))).not.toContain('red/1')
      expect((await ask('POST', '/facets', {})).total).toBe(5)
      expect((await ask('POST', '/map', {})).ids).toHaveLength(5)
      expect(await ask('DELETE', '/items/blue%2F0')).toEqual({ changed: 1 })
      expect(await ask('GET', '/items/blue%2F0')).toMatchObject({ status: 404, code: 'serve/unknown-id' })
      const state = async () => (await ask('GET', '/duplicates?threshold=0')).state
      await expect.poll(state).toBe('done')
    } finally {
      await server.stop()
      await pipeline.dispose()
    }
  })
})
