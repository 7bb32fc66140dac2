import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  createRegistry,
  definePlugin,
  type Filter,
  type Gallery,
  type OpenGalleryOptions,
  type Warning,
} from '@lookalike/core'
import encoders from '@lookalike/encoders'
import gallery, {
  exportGallery,
  findDuplicates,
  openTableWriter,
  readTable,
  rejectUncertain,
  verifyGallery,
} from '@lookalike/gallery'
import lancedb from '@lookalike/lancedb'
import { createPipeline, defaultConfig } from '@lookalike/pipeline'
import postgres from '@lookalike/postgres'
import qdrant from '@lookalike/qdrant'
import { indexWithWorkers, work } from '@lookalike/queue'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { run } from '../apps/cli/src/run.js'
import { serverPlace } from '../packages/postgres/src/pg-database.js'
import { type ServedPglite, servePglite } from '../packages/postgres/src/testing/serve-pglite.js'
import { type StubQdrant, startStubQdrant } from '../packages/qdrant/src/testing/stub-qdrant.js'
import { makeProject, openProject, readGallery } from '../packages/queue/src/testing/project.js'
import { hasRedis, startRedis } from '../packages/queue/src/testing/redis-server.js'
import { makePhotos } from './helpers/make-photos.js'
import { root } from './helpers/run-cli.js'
import { startServer } from './helpers/start-server.js'

/* What the commands do, on galleries that a config puts into a database. */

/** A server that is no PGlite. */
const url = process.env['LOOKALIKE_POSTGRES_URL']
let folder = ''
let stub: StubQdrant
let pglite: ServedPglite
beforeAll(async () => {
  stub = await startStubQdrant()
  process.env['LOOKALIKE_QDRANT_URL'] = stub.url
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-databases-')))
  pglite = await servePglite(path.join(folder, 'pglite'))
  process.env['LOOKALIKE_POSTGRES_URL'] = pglite.url
  await makePhotos(path.join(folder, 'photos'), 3)
})
afterAll(async () => {
  await stub.stop()
  await pglite.close()
  await rm(folder, { recursive: true, force: true })
  expect(stub.violations).toEqual([])
})

describe.each([
  { use: 'lancedb', uri: './lance', exactBelow: 5 },
  { use: 'postgres', exactBelow: 5 },
  { use: 'qdrant', exactBelow: 5 },
  { use: 'local', path: './gallery' },
])('a gallery in $use', (options) => {
  const photos = () => path.join(folder, 'photos')

  it('is indexed, searched, rejected from, checked and exported as a folder is', async () => {
    const loaded = defaultConfig(folder, { defaults: { encoder: 'mini', index: 'exact', gallery: options } })
    const pipeline = await createPipeline(
      loaded,
      createRegistry([...encoders, ...gallery, ...lancedb, ...postgres, ...qdrant]),
    )
    try {
      expect(await pipeline.index(photos())).toMatchObject({ added: 12 })
      expect(await pipeline.index(photos())).toMatchObject({ added: 0, unchanged: 12 })

      const open = await pipeline.openGallery('write')
      const ids = (await open.page()).entries.map(({ id }) => id)
      expect(ids).toHaveLength(12)
      await open.update(ids.map((id, i) => ({ id, metadata: { place: i }, uncertainty: i })))
      const query = path.join(folder, 'photos/red/0.png')
      const find = async (k: number, filter?: Filter) =>
        (await pipeline.search([query], k, { gallery: open, filter }))[0]!.hits.map(({ entry }) => entry.id)
      expect((await find(1))[0]).toMatch(/photos\/red\/0\.png$/)
      expect(await find(12, { place: { lt: 4 } })).toHaveLength(4)
      await expect(find(3, { plce: 1 })).rejects.toMatchObject({
        code: 'gallery/unknown-key',
        fields: { keys: ['place'] },
      })

      const { rejected } = await rejectUncertain(open, { coverage: 0.5 })
      expect(rejected).toHaveLength(6)
      expect(await find(12)).toHaveLength(6)
      expect((await rejectUncertain(open, { coverage: 1 })).restored).toHaveLength(6)

      expect((await findDuplicates(open, { threshold: 0, imageOf: () => undefined })).groups).toEqual([])
      expect(await verifyGallery(open, { imageOf: () => undefined })).toMatchObject({ images: 12 })
      const file = path.join(folder, `${options.use}.jsonl`)
      await exportGallery(open, await openTableWriter(file, { format: 'jsonl', space: open.space, dim: open.dim }))
      let rows = 0
      for await (const block of readTable(file)) rows += block.rows.length
      expect(rows).toBe(12)

      const shard = pipeline.index(photos(), { gallery: open, shard: { number: 1, of: 2 }, prune: true })
      await expect(shard).rejects.toMatchObject({
        code: 'index/shard',
        message: expect.stringContaining('prune') as string,
      })
      expect(await open.count()).toBe(12)
      await rm(path.join(folder, 'photos/red/2.png'))
      expect(await pipeline.index(photos(), { gallery: open, prune: true })).toMatchObject({ removed: 1 })
      expect(await open.count()).toBe(11)
      await open.close()
    } finally {
      await pipeline.dispose()
      await makePhotos(path.join(folder, 'photos'), 3)
    }
  })
})

/** A command in this process; what it says. */
async function command(...argv: string[]) {
  let [text, errors] = ['', '']
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => ((text += String(chunk)), true))
  const error = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => ((errors += String(chunk)), true))
  const code = await run([...argv, '--json']).finally(() => {
    out.mockRestore()
    error.mockRestore()
  })
  if (code !== 0 && !text.includes('"code"'))
    throw new Error(`lookalike ${argv.join(' ')} ended with ${code}: ${errors}`)
  return JSON.parse(text) as Record<string, never>
}

it.each([{ use: 'lancedb' }, { use: 'postgres', embedded: './pglite' }, { use: 'qdrant', collection: 'shop' }])(
  'all commands work on a gallery in $use',
  async (options) => {
    const { use } = options
    const project = await realpath(await mkdtemp(path.join(folder, `${use}-`)))
    const config = {
      plugins: [
        path.join(root, `packages/${use}/dist/index.js`),
        ...['colour-grid', 'scaled-combiner'].map((name) => path.join(root, `tests/plugins/${name}.js`)),
      ],
      combiner: { use: 'scaled', scale: 1 },
      gallery: options,
      dataset: { use: 'folder', path: './photos' },
      cache: false,
    }
    await makePhotos(path.join(project, 'photos'), 3)
    await writeFile(path.join(project, 'lookalike.config.json'), JSON.stringify(config))
    const call = (name: string, ...more: string[]) => command(name, ...more, `--config=${project}`)
    const red = path.join(project, 'photos/red/0.png')

    expect(await call('index')).toMatchObject({ added: 12, skipped: 0 })
    expect(await call('index')).toMatchObject({ added: 0, unchanged: 12 })
    expect(await call('search', red, '-k', '3')).toMatchObject([
      { results: [{ id: 'photos/red/0.png', distance: expect.closeTo(0, 4) }, {}, {}] },
    ])
    expect(await call('evaluate')).toHaveProperty('stages')
    expect(await call('upgrade', '--combiner.scale=0.5')).toMatchObject({ changed: true, images: 12 })
    expect(await call('upgrade', '--combiner.scale=0.5')).toMatchObject({ changed: false, images: 12 })
    expect(await call('search', red)).toMatchObject({ error: { code: 'gallery/space' } })
    expect(await call('remove', 'photos/grey/1.png', '--combiner.scale=0.5')).toMatchObject({
      removed: ['photos/grey/1.png'],
    })
    expect(await call('verify', '--contents')).toMatchObject({ images: 11, sound: true })
    const table = path.join(project, 'shop.jsonl')
    expect(await call('export', 'gallery', table)).toMatchObject({ images: 11, space: 'scaled/0.5' })
    expect((await readFile(table, 'utf8')).trim().split('\n')).toHaveLength(11)

    const server = await startServer([`--config=${project}`, '--combiner.scale=0.5'], { cwd: project })
    const form = new FormData()
    form.set('image', new Blob([await readFile(red)]))
    form.set('request', JSON.stringify({ k: 2 }))
    const answer = await fetch(`${server.url}/api/v1/search`, { method: 'POST', body: form })
    expect(await answer.json()).toMatchObject({
      hits: [{ id: 'photos/red/0.png', distance: expect.closeTo(0.5, 4) }, {}],
    })
    expect(await server.stop()).toBe(0)
  },
)

if (url === undefined || !hasRedis)
  console.warn(
    'No LOOKALIKE_POSTGRES_URL, or no redis-server on this machine: workers at a PostgreSQL server are passed over.',
  )

it.skipIf(url === undefined || !hasRedis)(
  'several workers write to a PostgreSQL server at once, whose connections are cut in the middle',
  async () => {
    const { folder: shop, remove } = await makeProject(48)
    const redis = await startRedis()
    const table = `t${Date.now().toString(36)}`
    const own = new URL(url!)
    own.searchParams.set('application_name', table)
    const server = (await serverPlace(url!).connect(true))!
    const cut = () =>
      server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [table])
    let additions = 0
    const [plugin] = postgres
    const cutting = definePlugin({
      ...plugin!,
      create: async (options, context) => {
        const store = await plugin!.create(options, context)
        const open = async (opening?: OpenGalleryOptions) => {
          const opened = await store.open(opening)
          const add: Gallery['add'] = async (...given) => {
            const adding = opened.add(...given)
            if (++additions % 3 === 0) await Promise.all([cut(), adding])
            return adding
          }
          return Object.create(opened, { add: { value: add } }) as Gallery
        }
        return { ...store, open }
      },
    })
    const gallery = { use: 'postgres', url: own.href, table }
    const open = () => openProject(shop, { gallery }, [cutting])
    const pipelines = await Promise.all(Array.from({ length: 4 }, open))
    try {
      const [first, ...hands] = pipelines as [(typeof pipelines)[0], ...typeof pipelines]
      const warnings: string[] = []
      const onWarning = ({ code }: Warning) => warnings.push(code)
      const options = { queue: redis.url, onWarning }
      const photos = [path.join(shop, 'photos')]
      const [indexed, ...worked] = await Promise.all([
        indexWithWorkers(first, photos, { ...options, shardSize: 4 }),
        ...hands.map((hand) => work(hand, options)),
      ])
      expect(indexed).toMatchObject({ images: 48, shards: 12 })
      expect(worked.reduce((sum, { shards }) => sum + shards, 0)).toBe(12)
      expect(warnings).toContain('gallery/unavailable')
      const whole = await openProject(shop, { gallery: './whole' })
      await whole.index(photos)
      const [found, wanted] = [await readGallery(first), await readGallery(whole)]
      const byId = <T extends { readonly id: string }>(entries: readonly T[]) =>
        entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      expect(byId(found.entries)).toEqual(byId(wanted.entries))
      const again = await first.index(photos)
      expect(again).toMatchObject({ added: 0, replaced: 0, unchanged: 48 })
      await whole.dispose()
    } finally {
      for (const each of pipelines) await each.dispose()
      await server.query(`DROP TABLE IF EXISTS ${table}`)
      await server.query('DELETE FROM lookalike_galleries WHERE name = $1', [table])
      await server.close()
      await redis.remove()
      await remove()
    }
  },
)
