import { galleryEntries, matchesFilter, parseFilter } from '@lookalike/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { drawnFilters } from '../../../tests/helpers/drawn-filters.js'
import { doubledInto, SPACE, vectors } from '../../../tests/helpers/gallery-vectors.js'
import { type QdrantOptions, qdrantStore } from './index.js'
import { pointId } from './point-id.js'
import { createOpenApiCheck } from './testing/openapi-check.js'
import { type StubQdrant, startStubQdrant } from './testing/stub-qdrant.js'

let stub: StubQdrant
beforeAll(async () => {
  stub = await startStubQdrant()
})
afterEach(() => {
  stub.setFault(undefined)
  stub.setGraph(Infinity)
  stub.setKey(undefined)
})
afterAll(async () => {
  await stub.stop()
  expect(stub.violations).toEqual([])
})

let galleries = 0
const next = () => `g${galleries++}`
const storeOf = (options: QdrantOptions = {}) => qdrantStore({ url: stub.url, collection: next(), ...options })
const one = [{ id: 'a', hash: 'h' }]
const nameOf = (store: { readonly name: string }) => store.name.split(' ')[1]!

it('takes the description at its word, and more strictly than a server would', () => {
  const find = createOpenApiCheck()
  const check = (method: string, path: string, body: unknown, query = '') =>
    find(method, path)?.checkRequest(new URLSearchParams(query), body)
  expect(check('POST', '/collections/c/points/count', { exact: true })).toBeUndefined()
  expect(check('POST', '/collections/c/points/count', { exakt: true })).toMatch(/additional properties/)
  expect(check('POST', '/collections/c/points/count', { exact: 'yes' })).toMatch(/boolean/)
  expect(check('PUT', '/collections/c/points', { points: [] }, 'wait=true')).toBeUndefined()
  expect(check('PUT', '/collections/c/points', { points: [] }, 'wait=maybe')).toMatch(/wait/)
  expect(check('PUT', '/collections/c/points', { points: [] }, 'weight=1')).toMatch(/weight/)
  const condition = { key: 'a', match: { anny: ['x'] } }
  expect(check('POST', '/collections/c/points/count', { filter: { must: [condition] } })).toBeDefined()
  expect(find('POST', '/collections/c/points/counts')).toBeUndefined()
  const answer = { result: { count: -1 }, status: 'ok', time: 0 }
  expect(find('POST', '/collections/c/points/count')?.checkAnswer(200, answer)).toMatch(/>= 0/)
})

it('gives points UUIDs of version 5', () => {
  expect(pointId('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(['a', 'A', 'a ', 'ä'].map(pointId)).size).toBe(4)
})

describe('bad input', () => {
  it('a server that is not there', async () => {
    const store = qdrantStore({ url: 'http://127.0.0.1:1' })
    for (const work of [() => store.describe(), () => store.open(SPACE), () => store.open({ mode: 'read' })])
      await expect(work()).rejects.toMatchObject({ code: 'gallery/unavailable' })
    expect(store.name).toBe('collection gallery of 127.0.0.1:1')
  })

  it('what is no address, without showing it', () => {
    for (const url of ['hidden-word', 'redis://host', 'http://me:hidden-word@host:6333']) {
      expect(() => qdrantStore({ url })).toThrow(expect.objectContaining({ code: 'gallery/options' }))
      expect(() => qdrantStore({ url })).not.toThrow(/hidden-word/)
    }
    const kept = process.env['LOOKALIKE_QDRANT_URL']
    delete process.env['LOOKALIKE_QDRANT_URL']
    try {
      expect(() => qdrantStore()).toThrow(/LOOKALIKE_QDRANT_URL/)
      process.env['LOOKALIKE_QDRANT_URL'] = 'https://elsewhere/prefix/'
      expect(qdrantStore().name).toBe('collection gallery of elsewhere:6333/prefix')
    } finally {
      if (kept === undefined) delete process.env['LOOKALIKE_QDRANT_URL']
      else process.env['LOOKALIKE_QDRANT_URL'] = kept
    }
  })

  it('a server that says nothing', async () => {
    stub.setFault(() => 'hang')
    await expect(storeOf({ timeout: 0.2 }).open(SPACE)).rejects.toMatchObject({
      code: 'gallery/unavailable',
      message: expect.stringMatching(/no answer in 0.2 s/),
    })
  })

  it('a server that does not finish a change in time', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    stub.setFault((operation) => (operation === 'upsert_points' ? { status: 408, error: 'Timeout' } : undefined))
    await expect(gallery.add(one, vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/unavailable' })
  })

  it('a signal that ends a request', async () => {
    const gallery = await storeOf().open(SPACE)
    const controller = new AbortController()
    stub.setFault((operation) => {
      if (operation !== 'query_batch_points') return undefined
      controller.abort(new Error('mine'))
      return 'hang'
    })
    const queries = { ...vectors([1, 0, 0]).embeddings, role: 'query' as const }
    await expect(gallery.search(queries, 1, { signal: controller.signal })).rejects.toThrow('mine')
  })

  it('a server that goes away and comes back', async () => {
    const gallery = await storeOf().open(SPACE)
    await gallery.add(one, vectors([1, 0, 0]))
    await stub.stop()
    for (const work of [
      () => gallery.count(),
      () => gallery.add([{ id: 'b', hash: 'h' }], vectors([0, 1, 0])),
      () => gallery.refresh(),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'gallery/unavailable' })
    await stub.start()
    await gallery.add([{ id: 'c', hash: 'h' }], vectors([0, 0, 1]))
    expect((await gallery.get(['a', 'b', 'c'])).map((entry) => entry?.id)).toEqual(['a', undefined, 'c'])
  })

  it.each(['break-before', 'break-after'] as const)('a connection that breaks in the middle: %s', async (how) => {
    const gallery = await storeOf().open(SPACE)
    let left = 1
    stub.setFault((operation) => (operation === 'upsert_points' && left-- > 0 ? how : undefined))
    await expect(gallery.add(one, vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/unavailable' })
    await gallery.add(one, vectors([1, 0, 0]))
    expect(await gallery.count()).toBe(1)
  })

  it.each([
    [507, 'No space left on device: WAL buffer size exceeds available disk space', 'gallery/write'],
    [400, 'Bad request: Max points count limit of 5 reached!', 'gallery/write'],
    [400, 'Disk usage is at 99% of total capacity, exceeding the configured limit of 95%', 'gallery/write'],
    [413, 'Payload Too Large', 'gallery/write'],
    [429, 'Rate limiting exceeded', 'gallery/unavailable'],
    [403, 'Forbidden: Access to collection', 'gallery/unavailable'],
    [500, 'Service internal error', 'gallery/unavailable'],
    [503, 'Service unavailable: shard is not available', 'gallery/unavailable'],
  ])('a server that answers %s: %s', async (status, error, code) => {
    const gallery = await storeOf().open(SPACE)
    stub.setFault((operation) => (operation === 'upsert_points' ? { status, error } : undefined))
    await expect(gallery.add(one, vectors([1, 0, 0]))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(error),
    })
    stub.setFault(undefined)
    await gallery.add(one, vectors([1, 0, 0]))
    expect(await gallery.count()).toBe(1)
  })

  it('another key than the server has', async () => {
    stub.setKey('right')
    process.env['LOOKALIKE_QDRANT_KEY'] = 'wrong-hidden-word'
    try {
      const error = await storeOf()
        .open(SPACE)
        .then(
          () => undefined,
          (reason: unknown) => reason as Error,
        )
      expect(error).toMatchObject({ code: 'gallery/unavailable', message: expect.stringContaining('KEY') })
      expect(`${error?.stack} ${JSON.stringify(error)} ${String(error?.cause)}`).not.toContain('hidden-word')
      process.env['LOOKALIKE_QDRANT_KEY'] = 'right'
      expect(await (await storeOf().open(SPACE)).count()).toBe(0)
    } finally {
      delete process.env['LOOKALIKE_QDRANT_KEY']
    }
  })

  it.each(['', 'Shop', 'a-b', '1a', 'a/b', 'a'.repeat(65)])('the name %j', (collection) => {
    expect(() => qdrantStore({ url: stub.url, collection })).toThrow(/lower-case letters/)
  })

  it.each(['', '-1', '-beside'])('a name that something else has, which stays as it is: %j', async (suffix) => {
    const collection = next()
    stub.addCollection(`${collection}${suffix}`)
    await expect(storeOf({ collection }).open(SPACE)).rejects.toMatchObject({
      code: 'gallery/taken',
      fields: { collection: `${collection}${suffix}` },
    })
    expect(stub.collections()).toContain(`${collection}${suffix}`)
  })

  it('a gallery of another space, and of another version', async () => {
    const store = storeOf()
    await (await store.open(SPACE)).close()
    await expect(store.open({ ...SPACE, space: 'test/other' })).rejects.toMatchObject({ code: 'gallery/space' })
    const newer = next()
    stub.addCollection(newer, { lookalike: 99, gallery: newer, collection: newer })
    await expect(storeOf({ collection: newer }).open(SPACE)).rejects.toMatchObject({
      code: 'gallery/version',
      fields: { version: 99 },
    })
  })

  it('a gallery whose collection, or the one beside, is gone', async () => {
    const client = async (path: string) => void (await fetch(`${stub.url}/collections/${path}`, { method: 'DELETE' }))
    const store = storeOf()
    const gallery = await store.open(SPACE)
    await client(`${nameOf(store)}-beside`)
    await expect(gallery.add(one, vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/damaged' })
    await client(`${nameOf(store)}-1`)
    await expect(gallery.count()).rejects.toMatchObject({ code: 'gallery/not-found' })
  })

  it('a point without its vector, and one of another id', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    await gallery.add([...one, { id: 'b', hash: 'h' }], vectors([1, 0, 0], [0, 1, 0]))
    const point = stub.points(`${nameOf(store)}-1`).find(({ payload }) => payload['id'] === 'a')!
    point.payload['id'] = 'other'
    await expect(gallery.verify()).rejects.toMatchObject({
      code: 'gallery/damaged',
      message: expect.stringContaining('whose id'),
    })
    point.payload['id'] = 'a'
    await gallery.verify()
    point.vector = {}
    await expect(gallery.verify()).rejects.toMatchObject({
      code: 'gallery/damaged',
      message: expect.stringContaining('without its vector'),
    })
  })

  it('an image that another writer takes away between the look and the change', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    await gallery.add(one, vectors([1, 0, 0]))
    stub.setFault((operation) =>
      operation === 'batch_update' ? { status: 404, error: 'Not found: No point with id x found' } : undefined,
    )
    await expect(gallery.update([{ id: 'a', rejected: true }])).rejects.toMatchObject({ code: 'gallery/unknown-id' })
  })

  it('texts that UTF-8 cannot hold, which are no ids either', async () => {
    const gallery = await storeOf().open(SPACE)
    await gallery.add([{ id: 'half \ufffd', hash: 'h' }], vectors([1, 0, 0]))
    const item = { id: 'half \ud800', hash: 'h' }
    await expect(gallery.add([item], vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/item' })
    expect(await gallery.get(['half \ud800'])).toEqual([undefined])
    expect(await gallery.remove(['half \ud800'])).toBe(0)
    expect(await gallery.count()).toBe(1)
  })
})

describe('filters', () => {
  const { items, filterOf } = drawnFilters(100, ['a[0]', 'q"'])

  it('find what the same filters find in JavaScript', async () => {
    const gallery = await storeOf().open(SPACE)
    await gallery.add(items, vectors(...items.map((_, i) => [i, 1, 0])))
    for (let i = 0; i < 60; i++) {
      const filter = filterOf(i % 3)
      const wanted = items.filter(({ metadata }) => matchesFilter(metadata, parseFilter(filter))).length
      expect({ filter, count: await gallery.count({ filter }) }).toEqual({ filter, count: wanted })
    }
  })

  it('know no key that the last image has lost, and each that another writer has brought', async () => {
    const store = storeOf()
    const [gallery, other] = [await store.open(SPACE), await store.open(SPACE)]
    await gallery.add([{ id: 'a', hash: 'h', metadata: { old: 1 } }], vectors([1, 0, 0]))
    expect(await other.count({ filter: { old: 1 } })).toBe(1)
    await other.update([{ id: 'a', metadata: { fresh: 1 } }])
    expect(await gallery.count({ filter: { fresh: 1 } })).toBe(1)
    await expect(gallery.count({ filter: { old: 1 } })).rejects.toMatchObject({
      code: 'gallery/unknown-key',
      fields: { keys: ['fresh'] },
    })
  })
})

it('compares all where the graph finds too few', async () => {
  const gallery = await storeOf({ exactBelow: 5 }).open(SPACE)
  const ids = Array.from({ length: 12 }, (_, i) => ({ id: `${i}`, hash: 'h' }))
  const queries = { ...vectors([1, 0, 0], [0, 1, 0]).embeddings, role: 'query' as const }
  stub.setGraph(2)
  await gallery.add(ids.slice(0, 4), vectors(...ids.slice(0, 4).map((_, i) => [i, 20 - i, 0])))
  expect((await gallery.search(queries, 3)).map((hits) => hits.length)).toEqual([3, 3])
  const before = stub.operations.filter((each) => each === 'query_batch_points').length
  expect(before).toBeGreaterThan(0)
  await gallery.add(ids.slice(4), vectors(...ids.slice(4).map((_, i) => [i + 4, 16 - i, 0])))
  expect((await gallery.search(queries, 3)).map((hits) => hits[0]!.entry.id)).toEqual(['11', '0'])
  expect(stub.operations.filter((each) => each === 'query_batch_points')).toHaveLength(before + 2)
  await gallery.prepare()
})

describe('a rewrite', () => {
  it('keeps what was set on the server, drops the old collection, and what an earlier one left', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    await gallery.add([{ id: 'a', hash: 'h', metadata: { colour: 'red' } }], vectors([1, 0, 0]))
    const name = nameOf(store)
    stub.config(`${name}-1`).hnsw_config = { m: 32 }
    stub.addCollection(`${name}-0badc0de`, { lookalike: 1, gallery: name, collection: `${name}-0badc0de` })
    stub.addCollection(`${name}-mine`)
    await gallery.rewrite(doubledInto('test/new'))
    const left = stub.collections().filter((each) => each.startsWith(`${name}-`))
    expect(left).toHaveLength(3)
    expect(left).toEqual(expect.arrayContaining([`${name}-beside`, `${name}-mine`]))
    expect(stub.config(name).hnsw_config).toMatchObject({ m: 32 })
    expect([...(await gallery.vectors(['a'])).data]).toEqual([2, 0, 0])
    expect(await gallery.count({ filter: { colour: 'red' } })).toBe(1)
  })

  it('misses nothing that others write meanwhile, up to the switch', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    const ids = Array.from({ length: 30 }, (_, i) => `${i}`)
    await gallery.add(
      ids.map((id) => ({ id, hash: 'h' })),
      vectors(...ids.map((_, i) => [i, 0, 0])),
    )
    const other = await store.open(SPACE)
    const late: Promise<unknown>[] = []
    let blocks = 0
    const acknowledged: string[] = []
    const write = (id: string) =>
      other.add([{ id, hash: 'late' }], vectors([100, 0, 0])).then(
        () => void acknowledged.push(id),
        () => undefined,
      )
    await gallery.rewrite(
      doubledInto('test/new', async () => {
        // Under way when the next round begins; whoever waits for them here would wait for this rewrite.
        late.push(write(`under-way-${++blocks}`))
        if (blocks > 1) return
        await other.remove(['1', '2'])
        await write('late')
        await write('11')
      }),
    )
    await Promise.all(late)
    expect(blocks).toBeGreaterThan(1)
    expect(acknowledged).toEqual(expect.arrayContaining(['late', '11', 'under-way-1']))
    const entries = new Map((await galleryEntries(gallery)).map((entry) => [entry.id, entry]))
    for (const id of acknowledged) expect(entries.get(id)?.hash).toBe('late')
    for (const gone of ['1', '2']) expect(entries.has(gone)).toBe(false)
    expect([...(await gallery.vectors(['late', '20'])).data]).toEqual([200, 0, 0, 40, 0, 0])
    await expect(other.add(one, vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/space' })
    expect(await gallery.get(['a'])).toEqual([undefined])
  })

  it('makes a change wait that comes when the old collection takes nothing more, and makes it again', async () => {
    const store = storeOf()
    const [gallery, other] = [await store.open(SPACE), await store.open(SPACE)]
    await gallery.add(one, vectors([1, 0, 0]))
    let added: Promise<void> | undefined
    // At the switch: everything that the rewrite sees is done.
    stub.setFault((operation) => {
      if (operation === 'update_aliases') added ??= other.add([{ id: 'late', hash: 'h' }], vectors([0, 1, 0]))
      return undefined
    })
    await gallery.rewrite(doubledInto(SPACE.space))
    await added
    expect((await gallery.get(['a', 'late'])).map((entry) => entry?.id)).toEqual(['a', 'late'])
    expect(other.space).toBe(SPACE.space)
  })

  it('whose transform fails, or whose switch does, leaves the gallery as it was', async () => {
    const store = storeOf()
    const gallery = await store.open(SPACE)
    await gallery.add(one, vectors([1, 0, 0]))
    const failing = doubledInto('test/new', () => Promise.reject(new Error('mine')))
    await expect(gallery.rewrite(failing)).rejects.toThrow('mine')
    stub.setFault((operation) => (operation === 'update_aliases' ? { status: 500, error: 'no consensus' } : undefined))
    await expect(gallery.rewrite(doubledInto('test/new'))).rejects.toMatchObject({ code: 'gallery/unavailable' })
    stub.setFault(undefined)
    expect(gallery.space).toBe('test/space')
    await gallery.add([{ id: 'b', hash: 'h' }], vectors([0, 1, 0]))
    expect((await gallery.search({ ...vectors([0, 1, 0]).embeddings, role: 'query' }, 1))[0]![0]!.entry.id).toBe('b')
    expect(stub.collections().filter((each) => each.startsWith(`${nameOf(store)}-`))).toHaveLength(2)
  })

  it('whose switch was done without an answer is done', async () => {
    const gallery = await storeOf().open(SPACE)
    await gallery.add(one, vectors([1, 0, 0]))
    stub.setFault((operation) => (operation === 'update_aliases' ? 'break-after' : undefined))
    await gallery.rewrite(doubledInto('test/new'))
    expect(gallery.space).toBe('test/new')
    expect([...(await gallery.vectors(['a'])).data]).toEqual([2, 0, 0])
  })

  it('that another one overtakes gives way to it, and the gallery stays', async () => {
    const store = storeOf()
    const [gallery, other] = [await store.open(SPACE), await store.open(SPACE)]
    await gallery.add(one, vectors([1, 0, 0]))
    const overtaken = gallery.rewrite(doubledInto('test/new', () => other.rewrite(doubledInto('test/newer'))))
    await expect(overtaken).rejects.toMatchObject({ code: 'gallery/locked' })
    expect(await store.describe()).toMatchObject({ space: 'test/newer' })
    expect([...(await other.vectors(['a'])).data]).toEqual([2, 0, 0])
  })

  it('does not reach who opened the gallery before, until that asks for something', async () => {
    const store = storeOf()
    const writer = await store.open(SPACE)
    await writer.add(one, vectors([1, 0, 0]))
    const reader = await store.open({ mode: 'read' })
    await writer.rewrite(doubledInto('test/new'))
    await expect(reader.count()).rejects.toMatchObject({ code: 'gallery/space' })
    await expect(reader.refresh()).rejects.toMatchObject({ code: 'gallery/space' })
  })
})

it('of openings at the same time makes one gallery, and of one that was broken off another', async () => {
  const store = storeOf()
  const opened = await Promise.all(Array.from({ length: 4 }, () => store.open(SPACE)))
  await Promise.all(opened.map((gallery, i) => gallery.add([{ id: `${i}`, hash: 'h' }], vectors([1, 0, 0]))))
  expect(await opened[0]!.count()).toBe(4)

  const broken = storeOf()
  stub.setFault((operation) => (operation === 'update_aliases' ? 'break-before' : undefined))
  await expect(broken.open(SPACE)).rejects.toMatchObject({ code: 'gallery/unavailable' })
  stub.setFault(undefined)
  expect(await broken.describe()).toBeUndefined()
  expect((await broken.open({ space: 'test/other', dim: 5 })).dim).toBe(5)
})
