import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type Gallery, type Warning } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import type { EncoderPool, EncoderPoolOptions, ModelRecipe } from '@lookalike/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { root } from './helpers/run-cli.js'

// The processes run the built package.
const { createEncoderPool } = (await import(
  path.join(root, 'packages/server/dist/index.js')
)) as typeof import('@lookalike/server')

const plugin = path.join(root, 'tests/plugins/hanging-encoder.js')
const asking = path.join(root, 'tests/plugins/asking-reranker.js')
const picture = (red: number, green: number, blue: number) => ({
  source: { width: 1, height: 1, data: Uint8Array.of(red, green, blue) },
})
const good = (n: number) => picture(n, n, n)

let pool: EncoderPool | undefined
let warnings: Warning[] = []
afterEach(() => pool?.dispose())
async function start(options: EncoderPoolOptions = {}, more: Partial<ModelRecipe> = {}): Promise<EncoderPool> {
  warnings = []
  const recipe = { encoder: 'hanging', plugins: [plugin, asking], folder: root, ...more } as const
  pool = await createEncoderPool(recipe, { onWarning: (warning) => warnings.push(warning), ...options })
  return pool
}
const vector = async (image: Parameters<EncoderPool['embed']>[0], options = {}) => [
  ...(await pool!.embed(image, 'query', options)).embeddings.data,
]
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: unknown; name: string }) => (typeof error.code === 'string' ? error.code : error.name),
  )

describe('images', () => {
  it('that come together are embedded together, each for who asked', async () => {
    await start({ wait: 2000, batchSize: 4 })
    const found = await Promise.all([1, 2, 3, 4].map((n) => vector(good(n))))
    expect(found).toEqual([1, 2, 3, 4].map((n) => [n, n, n, 4]))
  })

  it('do not wait for others for longer than allowed', async () => {
    await start({ wait: 1, batchSize: 4 })
    expect(await vector(good(7))).toEqual([7, 7, 7, 1])
  })

  it('that cannot be read fail alone', async () => {
    await start({ wait: 500, batchSize: 2 })
    const [bad, fine] = await Promise.all([code(vector({ source: Uint8Array.of(1, 2, 3) })), vector(good(5))])
    expect([bad, fine]).toEqual(['image/unsupported', [5, 5, 5, 1]])
    expect(pool!.state().replaced).toBe(0)
  })

  it('that the model fails on fail alone', async () => {
    await start({ wait: 500, batchSize: 2 })
    const [bad, fine] = await Promise.all([pool!.embed(picture(0, 0, 255), 'query').catch(String), vector(good(5))])
    expect(bad).toContain('blue')
    expect(fine).toEqual([5, 5, 5, 1])
  })
})

describe('a process', () => {
  it('that hangs is replaced; the image fails, those beside it do not', async () => {
    await start({ wait: 300, batchSize: 2, deadline: 1500 })
    const [bad, fine] = await Promise.all([code(vector(picture(255, 0, 0))), vector(good(5))])
    expect([bad, fine]).toEqual(['pool/deadline', [5, 5, 5, 1]])
    expect(await vector(good(6))).toEqual([6, 6, 6, 1])
    expect(warnings.map(({ code }) => code)).toContain('pool/worker-replaced')
  })

  it('that crashes is replaced; the image fails, those beside it do not', async () => {
    await start({ wait: 300, batchSize: 2 })
    const [bad, fine] = await Promise.all([code(vector(picture(0, 255, 0))), vector(good(5))])
    expect([bad, fine]).toEqual(['pool/worker-ended', [5, 5, 5, 1]])
    expect(pool!.state()).toMatchObject({ replaced: 2, queued: 0, running: 0 })
  })

  it('that cannot make its model says why', async () => {
    const made = createEncoderPool({ encoder: { use: 'hanging', fail: true }, plugins: [plugin], folder: root })
    await expect(made).rejects.toMatchObject({
      code: 'plugin/failed',
      message: expect.stringContaining('cannot be made'),
    })
    await expect(createEncoderPool({ plugins: [plugin], folder: root })).rejects.toMatchObject({ code: 'pool/recipe' })
  })
})

it('an asymmetric ensemble embeds each side in its way', async () => {
  const combiner = path.join(root, 'tests/plugins/two-sided-combiner.js')
  await start({}, { encoder: undefined, combiner: 'two-sided' as never, plugins: [combiner] })
  expect(pool).toMatchObject({
    symmetric: false,
    space: 'two-sided/1',
    members: [
      { name: 'first', dim: 4, space: 'hanging/1' },
      { name: 'second', dim: 4, space: 'hanging/1' },
    ],
  })
  const [query, kept] = [await pool!.embed(good(3), 'query'), await pool!.embed(good(3), 'gallery')]
  expect([query.embeddings.role, ...query.embeddings.data]).toEqual(['query', 3, 3, 3, 1])
  expect([query.uncertainty, query.members]).toEqual([undefined, undefined])
  expect([kept.embeddings.role, ...kept.embeddings.data]).toEqual(['gallery', 6, 6, 6, 2])
  expect(kept.uncertainty).toBe(3)
  expect([...kept.members!['second']!.data]).toEqual([3, 3, 3, 1])
})

describe('lists', () => {
  let folder = ''
  let gallery: Gallery
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-pool-'))
    gallery = await openGallery(path.join(folder, 'gallery'), { space: 'hanging/1', dim: 4 })
    const items = Array.from({ length: 5 }, (_, i) => ({
      id: `g${i}`,
      hash: `${i}`.repeat(64),
      metadata: { even: i % 2 === 0 },
    }))
    const data = Float32Array.from(items.flatMap((_, i) => [0, 1, i, 0]))
    await gallery.add(items, {
      embeddings: createEmbeddings({ data, rows: 5, dim: 4, space: 'hanging/1', role: 'any' }),
    })
  })
  afterAll(async () => {
    await gallery.close()
    await rm(folder, { recursive: true, force: true })
  })
  const list = async (first = 0, more: Partial<Parameters<EncoderPool['rerank']>[0]> = {}) => {
    const query = createEmbeddings({
      data: Float32Array.of(first, 0, 1, 0),
      rows: 1,
      dim: 4,
      space: 'hanging/1',
      role: 'any',
    })
    const [hits] = await gallery.search(query, 3, { withVectors: true, ...more })
    const imageOf = ({ id }: { id: string }) => (id === 'g4' ? { source: 'four.png' } : undefined)
    return { gallery, version: 1, query, queryImage: { source: 'query.png' }, hits: hits!, imageOf, ...more }
  }
  const rerankers = ['asking'] as const

  it('are reranked in the process of the model, which sees the gallery that is open here', async () => {
    await start({}, { rerankers })
    expect(pool!.rerankers).toEqual([{ name: 'asking', needs: 'images', topN: 3 }])
    const { hits, warnings: said } = await pool!.rerank(await list())
    expect(hits.map(({ entry, distance }) => [entry.id, distance])).toEqual([
      ['g2', -3],
      ['g3', -2],
      ['g4', -1],
    ])
    expect(hits[0]!.entry.hash).toBe('2'.repeat(64))
    const { pid, ...saw } = said[0]!.fields
    expect(pid).not.toBe(process.pid)
    expect(saw).toEqual({
      prepared: 1,
      rows: 5,
      nearest: [0, 1],
      code: [1],
      queryImage: 'query.png',
      candidates: [0, 1, 4, 0, 0, 1, 3, 0, 0, 1, 2, 0],
      images: ['four.png', undefined, undefined],
    })
  })

  it('of one gallery are prepared for once, until it changes or another part of it is asked for', async () => {
    await start({}, { rerankers })
    const prepared = async (more: Parameters<typeof list>[1] = {}) => {
      const { rows, prepared: times } = (await pool!.rerank(await list(0, more))).warnings[0]!.fields
      return [times, rows]
    }
    // Those that come together wait for each other.
    expect(await Promise.all([prepared(), prepared()])).toEqual([
      [1, 5],
      [1, 5],
    ])
    expect(await prepared({ filter: { even: true } })).toEqual([2, 3])
    expect(await prepared({ filter: { even: true }, version: 2 })).toEqual([3, 3])
  })

  it('fail alone, and in time', async () => {
    await start({ deadline: 3000 }, { rerankers })
    await expect(pool!.rerank(await list(254))).rejects.toMatchObject({ message: expect.stringContaining('it fails') })
    await expect(pool!.rerank(await list(0, { queryImage: undefined }))).rejects.toMatchObject({
      code: 'reranker/no-image',
    })
    const lost = { ...gallery, page: () => Promise.reject(new Error('the gallery is gone')) }
    await expect(pool!.rerank(await list(0, { gallery: lost, version: 2 }))).rejects.toMatchObject({
      message: expect.stringContaining('the gallery is gone'),
    })
    // What was at work beside it is tried again, by itself.
    const together = [code(pool!.rerank(await list(255))), code(vector(good(5))), code(pool!.rerank(await list()))]
    expect(await Promise.all(together)).toEqual(['pool/deadline', 'done', 'done'])
    await expect(start({}, { rerankers: [{ use: 'asking', fail: true }] as never })).rejects.toMatchObject({
      code: 'plugin/failed',
    })
  })
})

it('more images than may wait are refused', async () => {
  await start({ maxQueue: 2, wait: 60_000, batchSize: 9 })
  const waiting = [1, 2].map((n) => code(vector(good(n))))
  await expect(vector(good(3))).rejects.toMatchObject({ code: 'pool/busy', fields: { maxQueue: 2 } })
  expect(pool!.state().queued).toBe(2)
  await pool!.dispose()
  expect(await Promise.all(waiting)).toEqual(['pool/disposed', 'pool/disposed'])
  await expect(vector(good(3))).rejects.toMatchObject({ code: 'pool/disposed' })
})

it('who leaves takes the image out', async () => {
  await start({ wait: 60_000, batchSize: 9 })
  const controller = new AbortController()
  const left = code(vector(good(1), { signal: controller.signal }))
  controller.abort()
  expect(await left).toBe('AbortError')
  expect(pool!.state().queued).toBe(0)
  expect(await code(vector(good(1), { signal: AbortSignal.abort() }))).toBe('AbortError')
})

it('the processes end with the pool', async () => {
  await start({ workers: 2 })
  expect(pool!.state().ready).toBe(2)
  await pool!.dispose()
  expect(await code(vector(good(1)))).toBe('pool/disposed')
})

it('the built-in encoder gives the vectors that it gives here; small pictures come with the hash of the image', async () => {
  const { createBuiltinEncoder } = await import('@lookalike/encoders')
  const { embedImages, encodePng, hashImage } = await import('@lookalike/image')
  const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7919) % 251)
  const image = { source: await encodePng({ data: pixels, width: 40, height: 30 }) }
  const folder = path.join(root, 'apps/cli')
  pool = await createEncoderPool({ encoder: 'builtin', plugins: ['@lookalike/encoders'], folder })
  const encoder = await createBuiltinEncoder()
  const [whole, crop] = [image, { ...image, box: { x: 0, y: 0, width: 0.5, height: 0.5 } }]
  const here = await embedImages(encoder, [whole, crop])
  const there = await Promise.all([pool.embed(whole, 'gallery'), pool.embed(crop, 'gallery')])
  expect(pool).toMatchObject({ dim: encoder.dim, space: encoder.space, symmetric: true })
  for (const [row, { embeddings, hash }] of there.entries()) {
    const own = here.embeddings.data.subarray(row * encoder.dim, (row + 1) * encoder.dim)
    expect(Math.max(...embeddings.data.map((value, i) => Math.abs(value - own[i]!)))).toBeLessThan(1e-4)
    expect(hash).toBe(await hashImage(row === 0 ? whole : crop))
  }
  const { picture: small, hash } = await pool.thumbnail(whole, 64)
  expect([small[0], small[1], hash]).toEqual([0xff, 0xd8, there[0]!.hash])
  await encoder.dispose()
})

it.skipIf(process.platform !== 'linux')('has no process that outlives it, whatever that is doing', async () => {
  const program = `
    import { readFileSync } from 'node:fs'
    import { createEncoderPool } from ${JSON.stringify(path.join(root, 'packages/server/dist/index.js'))}
    const pool = await createEncoderPool(${JSON.stringify({ encoder: 'hanging', plugins: [plugin], folder: root })}, { workers: 1 })
    pool.embed({ source: { width: 1, height: 1, data: Uint8Array.of(255, 0, 0) } }, 'query').catch(() => undefined)
    // It takes the image up meanwhile, and never comes back.
    setTimeout(() => console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8')), 1500)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(parent.stdout!, 'data')) as [Buffer]
  const children = said.toString().trim().split(' ').map(Number)
  expect(children.length).toBeGreaterThan(0)
  parent.kill('SIGKILL')
  for (const pid of children) await expect.poll(() => isAlive(pid)).toBe(false)
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
