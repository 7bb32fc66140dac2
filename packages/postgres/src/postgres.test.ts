import { mkdtempSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, galleryEntries } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SPACE, vectors } from '../../../tests/helpers/gallery-vectors.js'
import { startWriter } from '../../../tests/helpers/start-writer.js'
import { galleryError } from './database-errors.js'
import { type PostgresOptions, postgresStore } from './index.js'
import { openPglite } from './pglite-database.js'
import { type ServedPglite, servePglite } from './testing/serve-pglite.js'

let server: ServedPglite
const home = mkdtempSync(path.join(tmpdir(), 'lookalike-postgres-'))
/** Of a process of its own. */
const embedded = path.join(home, 'embedded')
beforeAll(async () => {
  const shared = path.join(home, 'shared')
  await (await openPglite(shared)).close()
  await cp(shared, embedded, { recursive: true })
  server = await servePglite(shared)
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

let tables = 0
const newTable = () => `t${tables++}`
const storeOf = (options: PostgresOptions = {}) => postgresStore({ url: server.url, table: newTable(), ...options })

describe('bad input', () => {
  it('a server that is not there, without its password', async () => {
    const store = postgresStore({ url: 'postgres://me:hidden-word@127.0.0.1:1/photos' })
    for (const work of [() => store.describe(), () => store.open(SPACE), () => store.open({ mode: 'read' })]) {
      const error = await work().then(
        () => undefined,
        (reason: unknown) => reason as Error,
      )
      expect(error).toMatchObject({ code: 'gallery/unavailable' })
      expect(`${error?.stack} ${JSON.stringify(error)} ${error?.cause}`).not.toContain('hidden-word')
    }
    expect(store.name).toBe('table gallery of 127.0.0.1:1/photos')
  })

  it('a server that takes connections and says nothing', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const store = postgresStore({ url: `postgres://127.0.0.1:${port}/photos?connect_timeout=0.2` })
    await expect(store.open(SPACE)).rejects.toMatchObject({ code: 'gallery/unavailable' })
    silent.close()
  })

  it('a server that goes away and comes back', async () => {
    const gallery = await storeOf().open(SPACE)
    await gallery.add([{ id: 'a', hash: 'h' }], vectors([1, 0, 0]))
    await server.stop()
    for (const work of [
      () => gallery.count(),
      () => gallery.add([{ id: 'b', hash: 'h' }], vectors([0, 1, 0])),
      () => gallery.refresh(),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'gallery/unavailable' })
    await server.start()
    await gallery.add([{ id: 'c', hash: 'h' }], vectors([0, 0, 1]))
    expect((await gallery.get(['a', 'b', 'c'])).map((entry) => entry?.id)).toEqual(['a', undefined, 'c'])
    await gallery.close()
  })

  it('what is no address, without showing it', () => {
    for (const url of ['hidden-word', 'https://me:hidden-word@host/photos', 'postgres://me:hidden-word@host:port']) {
      expect(() => postgresStore({ url })).toThrow(expect.objectContaining({ code: 'gallery/options' }))
      expect(() => postgresStore({ url })).not.toThrow(/hidden-word/)
    }
  })

  it('no server, or two', () => {
    const kept = process.env['LOOKALIKE_POSTGRES_URL']
    delete process.env['LOOKALIKE_POSTGRES_URL']
    try {
      expect(() => postgresStore()).toThrow(/LOOKALIKE_POSTGRES_URL/)
      expect(() => postgresStore({ url: server.url, embedded: 'folder' })).toThrow(/one of them/)
      process.env['LOOKALIKE_POSTGRES_URL'] = 'postgres://me:hidden-word@elsewhere/photos'
      expect(postgresStore().name).toBe('table gallery of elsewhere/photos')
    } finally {
      if (kept === undefined) delete process.env['LOOKALIKE_POSTGRES_URL']
      else process.env['LOOKALIKE_POSTGRES_URL'] = kept
    }
  })

  it.each(['', 'Shop', 'a-b', '1a', 'lookalike_codes', 'x"; DROP TABLE t', 'a'.repeat(41)])(
    'the table name %j',
    (table) => {
      expect(() => postgresStore({ url: 'postgres://host/photos', table })).toThrow(/lower-case letters/)
    },
  )

  it("a table that is something else's, which stays as it is", async () => {
    const table = newTable()
    await server.pglite.exec(`CREATE TABLE ${table} (id text); INSERT INTO ${table} VALUES ('mine')`)
    await expect(storeOf({ table }).open(SPACE)).rejects.toMatchObject({ code: 'gallery/taken' })
    expect((await server.pglite.query(`SELECT * FROM ${table}`)).rows).toEqual([{ id: 'mine' }])
    expect(await storeOf({ table }).describe()).toBeUndefined()
  })

  it('a gallery of another space', async () => {
    const store = storeOf()
    await (await store.open(SPACE)).close()
    await expect(store.open({ ...SPACE, space: 'test/other' })).rejects.toMatchObject({ code: 'gallery/space' })
  })

  it('a gallery whose table is gone', async () => {
    const table = newTable()
    const gallery = await storeOf({ table }).open(SPACE)
    await server.pglite.exec(`DROP TABLE ${table}`)
    await expect(gallery.count()).rejects.toMatchObject({ code: 'gallery/damaged' })
    await gallery.close()
  })

  it('tables of a newer version', async () => {
    const store = storeOf()
    await (await store.open(SPACE)).close()
    await server.pglite.exec('UPDATE lookalike_schema SET version = 99')
    try {
      for (const work of [() => store.describe(), () => store.open(SPACE), () => store.open({ mode: 'read' })])
        await expect(work()).rejects.toMatchObject({ code: 'gallery/version', fields: { version: 99 } })
    } finally {
      await server.pglite.exec('UPDATE lookalike_schema SET version = 1')
    }
  })

  it('texts and ids that PostgreSQL cannot keep', async () => {
    const gallery = await storeOf().open(SPACE)
    for (const item of [
      { id: 'a\0b', hash: 'h' },
      { id: 'half \ud800', hash: 'h' },
      { id: 'x', hash: 'h', metadata: { colour: 'a\0b' } },
      { id: 'x'.repeat(2001), hash: 'h' },
    ])
      await expect(gallery.add([item], vectors([1, 0, 0]))).rejects.toMatchObject({ code: 'gallery/item' })
    await gallery.add([{ id: 'x'.repeat(2000), hash: 'h', metadata: { colour: 'red' } }], vectors([1, 0, 0]))
    expect(await gallery.get(['a\0b'])).toEqual([undefined])
    expect(await gallery.count({ filter: { colour: ['a\0b', 'red'] } })).toBe(1)
    await gallery.close()
  })
})

it.each(['57P01', '57014', '53300', '25P03'])('a refusal by the server: %s', (code) => {
  expect(galleryError('table t', Object.assign(new Error('not now'), { code }))).toMatchObject({
    code: 'gallery/unavailable',
    fields: { gallery: 'table t', code },
  })
})

it('two writers that add the same ids in opposite orders: the last one wins, whole', async () => {
  const store = storeOf()
  const [first, second] = [await store.open(SPACE), await store.open(SPACE)]
  const items = ['a', 'b'].map((id) => ({ id, hash: 'first' }))
  const others = ['b', 'a'].map((id) => ({ id, hash: 'second' }))
  await Promise.all([
    first.add(items, vectors([1, 0, 0], [1, 0, 0])),
    second.add(others, vectors([0, 1, 0], [0, 1, 0])),
  ])
  const hashes = (await galleryEntries(first)).map(({ hash }) => hash)
  expect(hashes).toHaveLength(2)
  expect(new Set(hashes).size).toBe(1)
  await Promise.all([first.close(), second.close()])
})

it('a gallery that another writer has rewritten is not searched with queries of the old space', async () => {
  const store = storeOf()
  const [writer, reader] = [await store.open(SPACE), await store.open({ ...SPACE, mode: 'read' })]
  await writer.add([{ id: 'a', hash: 'h' }], vectors([1, 0, 0]))
  const query = { ...vectors([1, 0, 0]).embeddings, role: 'query' as const }
  expect((await reader.search(query, 1))[0]).toHaveLength(1)
  const transform = (space: string) => ({
    space,
    dim: 3,
    transform: async ({ embeddings }: { embeddings: typeof query | ReturnType<typeof createEmbeddings> }) => ({
      embeddings: { ...embeddings, space },
    }),
  })
  await writer.rewrite(transform(SPACE.space))
  expect((await reader.search(query, 1))[0]).toHaveLength(1)
  await writer.rewrite(transform('test/new'))
  await expect(reader.search(query, 1)).rejects.toMatchObject({ code: 'gallery/space' })
  await Promise.all([writer.close(), reader.close()])
})

it('images that come during a rewrite are made anew too', async () => {
  const store = storeOf()
  const [writer, other] = [await store.open(SPACE), await store.open(SPACE)]
  await writer.add([{ id: 'a', hash: 'h' }], vectors([1, 0, 0]))
  let blocks = 0
  await writer.rewrite({
    space: 'test/new',
    dim: 3,
    async transform({ embeddings }) {
      if (blocks++ === 0) await other.add([{ id: 'b', hash: 'h' }], vectors([0, 1, 0]))
      return { embeddings: { ...embeddings, space: 'test/new', data: embeddings.data.map((value) => value * 2) } }
    },
  })
  expect(blocks).toBe(2)
  expect([...(await writer.vectors(['a', 'b'])).data]).toEqual([2, 0, 0, 0, 2, 0])
  await expect(other.add([{ id: 'c', hash: 'h' }], vectors([1, 0, 0]))).rejects.toMatchObject({
    code: 'embeddings/space',
  })
  await Promise.all([writer.close(), other.close()])
})

/** How often the database has looked something up in an index. */
async function scansOf(index: string): Promise<number> {
  await server.pglite.query('SELECT pg_stat_force_next_flush()')
  const { rows } = await server.pglite.query<{ scans: number }>(
    'SELECT idx_scan::int AS scans FROM pg_stat_user_indexes WHERE indexrelname = $1',
    [index],
  )
  return rows[0]!.scans
}

describe.each([{ half: false }, { half: true }])('the HNSW index with half: $half', (options) => {
  it('finds what comparing everything finds, filtered to few as well', async () => {
    const dim = 8
    const random = createRandom('hnsw')
    const rows = 1000
    const data = Float32Array.from({ length: rows * dim }, () => random.normal())
    const items = Array.from({ length: rows }, (_, i) => ({ id: `${i}`, hash: 'h', metadata: { at: i, half: i % 2 } }))
    const store = storeOf({ ...options, exactBelow: 100 })
    const gallery = await store.open({ space: SPACE.space, dim })
    await gallery.add(items, { embeddings: createEmbeddings({ data, rows, dim, space: SPACE.space, role: 'gallery' }) })
    const queries = createEmbeddings({ data: data.slice(0, dim * 4), rows: 4, dim, space: SPACE.space, role: 'query' })
    const before = await gallery.search(queries, 10)
    await gallery.prepare()
    await gallery.prepare()
    const after = await gallery.search(queries, 10)
    const ids = (found: typeof before) =>
      found.flatMap((hits, query) => hits.map(({ entry }) => `${query} ${entry.id}`))
    const same = new Set(ids(before))
    expect(ids(after).filter((id) => same.has(id)).length).toBeGreaterThanOrEqual(38)
    for (const hits of after)
      expect(hits.map(({ distance }) => distance)).toEqual(hits.map(({ distance }) => distance).sort((a, b) => a - b))
    const index = `${store.name.split(' ')[1]}_hnsw_1`
    expect(await scansOf(index)).toBe(4)
    const many = await gallery.search(queries, 10, { filter: { half: 1 } })
    expect(await scansOf(index)).toBe(8)
    expect(many.every((hits) => hits.length === 10 && hits.every(({ entry }) => entry.metadata?.['half'] === 1))).toBe(
      true,
    )
    const few = await gallery.search(queries, 10, { filter: { at: { gte: 700, lt: 705 } } })
    expect(few.map((hits) => hits.length)).toEqual([5, 5, 5, 5])
    expect(await scansOf(index)).toBe(8)
    await gallery.close()
  })
})

it('an embedded database is of one process, and keeps what was acknowledged when that is killed', async () => {
  const child = await startWriter(new URL('./testing/writer.ts', import.meta.url), 'embedded', embedded, 'gallery')
  const lines: string[] = []
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.stdout!.on('data', (chunk: Buffer) => {
      lines.push(...`${chunk}`.split('\n').filter((line) => line.startsWith('done ')))
      if (lines.length >= 3) resolve()
    })
  })
  const store = postgresStore({ embedded })
  await expect(store.open({ mode: 'read' })).rejects.toMatchObject({
    code: 'gallery/locked',
    fields: { pid: child.pid },
  })
  child.kill('SIGKILL')
  await exited
  const gallery = await store.open({ mode: 'read' })
  const count = await gallery.count()
  expect(lines.length).toBeGreaterThanOrEqual(3)
  expect(count).toBeGreaterThanOrEqual(lines.length * 7)
  expect(count % 7).toBe(0)
  await gallery.verify()
  await gallery.close()
})
