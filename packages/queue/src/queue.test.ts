import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom, definePlugin, type Gallery, type Warning } from '@lookalike/core'
import { folderStore } from '@lookalike/gallery'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { indexWithWorkers } from './index-with-workers.js'
import { bundleWorker } from './testing/bundle.js'
import { blackPng, drawing, makeProject, openProject, readGallery } from './testing/project.js'
import { freePort, hasRedis, type RedisServer, startRedis } from './testing/redis-server.js'
import { work } from './work.js'

if (!hasRedis) console.warn('No redis-server on this machine: what needs one is passed over.')

const IMAGES = 36
let redis: RedisServer
let folder = ''
let remove: () => Promise<void>
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.remove())
beforeEach(async () => {
  ;({ folder, remove } = await makeProject(IMAGES))
  if (!hasRedis) return
  const client = new Redis(redis.url)
  await client.flushall()
  client.disconnect()
})
afterEach(() => remove())

const photos = () => [path.join(folder, 'photos')]
const open = (config: Readonly<Record<string, unknown>> = {}) => openProject(folder, config)

/** What one process makes of the same images. */
async function oneProcess(config: Readonly<Record<string, unknown>> = {}) {
  const pipeline = await open({ ...config, gallery: './whole' })
  const { skipped } = await pipeline.index(photos())
  const contents = await readGallery(pipeline)
  await pipeline.dispose()
  return { skipped, ...contents }
}

/** Fills the queue and works on it in this process. */
async function share(
  workers: number,
  {
    config = {},
    shardSize = 8,
    onWarning,
  }: {
    config?: Readonly<Record<string, unknown>>
    shardSize?: number
    onWarning?: (warning: Warning) => void
  } = {},
) {
  const pipeline = await open(config)
  const hands = await Promise.all(Array.from({ length: workers }, () => open(config)))
  const options = { queue: redis.url, onWarning }
  const [indexed, ...worked] = await Promise.all([
    indexWithWorkers(pipeline, photos(), { ...options, shardSize }),
    ...hands.map((hand) => work(hand, { ...options, lease: 2 })),
  ])
  for (const hand of hands) await hand.dispose()
  return { pipeline, indexed, worked }
}

describe.skipIf(!hasRedis)('images shared out to workers', () => {
  it('come into the gallery as if one process had indexed them, and nothing is left', async () => {
    await writeFile(path.join(folder, 'photos/b/broken.png'), 'no image')
    const { pipeline, indexed, worked } = await share(2)
    expect(indexed).toMatchObject({ images: IMAGES, added: IMAGES, unchanged: 0, shards: 5 })
    expect(indexed.skipped.map(({ id }) => id)).toEqual(['photos/b/broken.png'])
    expect(worked.reduce((sum, { shards }) => sum + shards, 0)).toBe(5)
    expect(worked.reduce((sum, { images }) => sum + images, 0)).toBe(IMAGES)
    const { skipped, ...contents } = await oneProcess()
    expect(indexed.skipped).toEqual(skipped)
    expect(await readGallery(pipeline)).toEqual(contents)
    expect((await readdir(folder)).sort()).toEqual(['gallery', 'photos', 'whole'])
    const client = new Redis(redis.url)
    expect(await client.keys('*')).toEqual(['lookalike-run:shop:record'])
    client.disconnect()
    await pipeline.dispose()
  })

  it('again, after some have changed', async () => {
    await share(1)
    await writeFile(path.join(folder, 'photos/a/0.png'), await drawing('changed'))
    await writeFile(path.join(folder, 'photos/c/new.png'), await drawing('new'))
    const { indexed } = await share(1)
    expect(indexed).toMatchObject({ images: IMAGES + 1, added: 1, replaced: 1, unchanged: IMAGES - 1 })
  })

  it('a shard that is in the queue twice comes into the gallery once', async () => {
    const pipeline = await open()
    const filling = indexWithWorkers(pipeline, photos(), { queue: redis.url, shardSize: 12 })
    const client = new Redis(redis.url)
    while (!(await client.get('lookalike-run:shop:record'))?.includes('"filled"')) await client.ping()
    client.disconnect()
    const queue = new Queue('shop', { connection: { url: redis.url }, prefix: 'lookalike' })
    const [first] = await queue.getJobs(['waiting'])
    await queue.add('shard', first!.data, { jobId: 'the-same-again', lifo: true })
    await queue.close()
    const hand = await open()
    const [indexed] = await Promise.all([filling, work(hand, { queue: redis.url })])
    expect(indexed).toMatchObject({ images: IMAGES, added: IMAGES })
  })

  it('a worker that is stopped hands its shard back', async () => {
    const pipeline = await open()
    const indexed = indexWithWorkers(pipeline, photos(), { queue: redis.url, shardSize: 12 })
    const stop = new AbortController()
    // Its timer ends long after the one below, on any machine.
    const slow = await open({ encoder: { use: 'grid', pause: 3000 } })
    const onProgress = ({ phase }: { phase: string }) => phase === 'work' && setTimeout(() => stop.abort(), 100)
    await expect(work(slow, { queue: redis.url, signal: stop.signal, onProgress, lease: 600 })).rejects.toThrow()
    const hand = await open()
    expect(await work(hand, { queue: redis.url, lease: 600 })).toMatchObject({ shards: 3, images: IMAGES })
    expect(await indexed).toMatchObject({ added: IMAGES })
  })

  it('a worker of another model takes nothing', async () => {
    const pipeline = await open()
    const stop = new AbortController()
    const filling = indexWithWorkers(pipeline, photos(), { queue: redis.url, signal: stop.signal })
    const other = await open({ encoder: { use: 'grid', space: 'other/1' } })
    await expect(work(other, { queue: redis.url })).rejects.toMatchObject({
      code: 'queue/space',
      message: expect.stringContaining('grid/1') as string,
    })
    stop.abort()
    await expect(filling).rejects.toThrow()
    // What was interrupted goes on.
    expect((await share(1, { shardSize: 256 })).indexed).toMatchObject({ added: IMAGES })
  })

  it('two may not fill one queue, and images have to be files', async () => {
    const pipeline = await open()
    const images = [{ id: 'bytes', source: await drawing('bytes') }]
    await expect(indexWithWorkers(pipeline, images, { queue: redis.url })).rejects.toMatchObject({
      code: 'queue/source',
    })
    await expect(indexWithWorkers(pipeline, [], { queue: redis.url })).rejects.toMatchObject({
      code: 'index/no-images',
    })
  })

  it('a gallery of several writers is written to directly', async () => {
    const shared = sharedGallery()
    const pipelines = await Promise.all(
      [0, 1, 2].map(() => openProject(folder, { gallery: { use: 'shared', path: './many' } }, [shared])),
    )
    const [first, ...hands] = pipelines as [(typeof pipelines)[0], ...typeof pipelines]
    const run = async () => {
      const [indexed] = await Promise.all([
        indexWithWorkers(first, photos(), { queue: redis.url, shardSize: 8 }),
        ...hands.map((hand) => work(hand, { queue: redis.url })),
      ])
      return indexed
    }
    expect(await run()).toMatchObject({ images: IMAGES, added: IMAGES, unchanged: 0 })
    expect(await run()).toMatchObject({ images: IMAGES, added: 0, unchanged: IMAGES })
    expect((await readdir(folder)).sort()).toEqual(['many', 'photos'])
  })

  it('a gallery of one writer that is no folder is refused', async () => {
    const one = sharedGallery('one')
    const pipeline = await openProject(folder, { gallery: { use: 'shared', path: './many' } }, [one])
    await expect(indexWithWorkers(pipeline, photos(), { queue: redis.url })).rejects.toMatchObject({
      code: 'queue/one-writer',
    })
  })
})

describe('the queue goes away', () => {
  it('before anything is done: an error that says so', async () => {
    const pipeline = await open()
    const queue = `redis://me:secret@127.0.0.1:${await freePort()}`
    for (const failing of [work(pipeline, { queue }), indexWithWorkers(pipeline, photos(), { queue })]) {
      const error = await failing.then(
        () => undefined,
        (reason: Error & { code: string }) => reason,
      )
      expect(error?.code).toBe('queue/unavailable')
      expect(JSON.stringify(error) + error?.message).not.toContain('secret')
    }
  })

  it.skipIf(!hasRedis)('and comes back: everybody waits, says so, and goes on', async () => {
    const warnings: string[] = []
    const sharing = share(2, {
      config: { encoder: { use: 'grid', pause: 60 } },
      onWarning: ({ code }) => warnings.push(code),
    })
    await new Promise((resolve) => setTimeout(resolve, 600))
    await redis.stop()
    await new Promise((resolve) => setTimeout(resolve, 300))
    await redis.start()
    const { pipeline, indexed } = await sharing
    expect(indexed).toMatchObject({ images: IMAGES, added: IMAGES })
    expect(warnings).toContain('queue/unavailable')
    const { skipped: _, ...contents } = await oneProcess()
    expect(await readGallery(pipeline)).toEqual(contents)
  })

  it.skipIf(!hasRedis)('and comes back empty: it is filled again', async () => {
    const warnings: string[] = []
    const sharing = share(1, {
      config: { encoder: { use: 'grid', pause: 60 } },
      onWarning: ({ code }) => warnings.push(code),
    })
    await new Promise((resolve) => setTimeout(resolve, 600))
    const client = new Redis(redis.url)
    await client.flushall()
    client.disconnect()
    const { indexed } = await sharing
    expect(indexed).toMatchObject({ images: IMAGES, added: IMAGES })
    expect(warnings).toContain('queue/lost')
  })
})

describe.skipIf(!hasRedis)('workers are killed', () => {
  let program = ''
  let bundled = ''
  beforeAll(async () => {
    // Beside the packages, so that what is not bundled is found.
    bundled = path.join(import.meta.dirname, '../node_modules/.worker')
    await mkdir(bundled, { recursive: true })
    program = await bundleWorker(bundled)
  })
  afterAll(() => rm(bundled, { recursive: true, force: true }))

  /** Another clock than everybody else's. */
  const skewed = (milliseconds: number) =>
    `data:text/javascript,const now = Date.now; Date.now = () => now() + ${milliseconds}`

  function startWorker(config: object, clock = 0): ChildProcess {
    const flags = clock === 0 ? [] : ['--import', skewed(clock)]
    return spawn(process.execPath, [...flags, program, folder, redis.url, JSON.stringify(config)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  it('at random, by an image, and with clocks that differ by days: all other images are there once, as from one process', async () => {
    const deadly = path.join(folder, 'photos/b/deadly.png')
    await writeFile(deadly, await blackPng())
    const config = { encoder: { use: 'grid', pause: 20, deadly: true } }
    const pipeline = await open()
    let done = false
    const indexed = indexWithWorkers(pipeline, photos(), { queue: redis.url, shardSize: 8 }).finally(
      () => (done = true),
    )
    const random = createRandom('kills')
    const ends: (string | null)[] = []
    const workers = new Set<ChildProcess>()
    const keepOne = async (clock: number) => {
      while (!done) {
        const worker = startWorker(config, clock)
        // Some are killed at once, some in the middle, some after all.
        const kill = ends.length < 2 && setTimeout(() => worker.kill('SIGKILL'), 100 + random.integer(1_500))
        workers.add(worker)
        const [, signal] = (await once(worker, 'exit')) as [number | null, string | null]
        workers.delete(worker)
        ends.push(signal)
        if (kill) clearTimeout(kill)
      }
    }
    const kept = [keepOne(2 * 86_400_000), keepOne(-2 * 86_400_000)]
    await indexed
    // One that came too late would wait for the next listing.
    for (const worker of workers) worker.kill()
    await Promise.all(kept)
    // Twice with the images around it, and twice alone.
    expect(ends.filter((signal) => signal === 'SIGKILL').length).toBeGreaterThanOrEqual(4)
    const { skipped } = await indexed
    expect(skipped).toMatchObject([{ id: 'photos/b/deadly.png', code: 'queue/poison' }])
    await rm(deadly)
    const { skipped: _, ...contents } = await oneProcess()
    expect(await readGallery(pipeline)).toEqual(contents)
  })
})

/** A folder's gallery that all of this process share, said to take several writers. */
function sharedGallery(writers: 'one' | 'many' = 'many') {
  let opened: Promise<Gallery> | undefined
  return definePlugin({
    specVersion: 'v1',
    kind: 'gallery',
    name: 'shared',
    description: 'Several writers, for tests.',
    options: z.strictObject({ path: z.string() }),
    create: ({ path: at }, { folder: from }) => {
      const { folder: _, ...store } = folderStore(path.resolve(from, at))
      return {
        ...store,
        async open(options) {
          opened ??= store.open({ ...options, mode: 'write' })
          const gallery = await opened
          return Object.create(gallery, {
            capabilities: { value: { ...gallery.capabilities, writers } },
            folder: { value: undefined },
            close: { value: async () => undefined },
          }) as Gallery
        },
      }
    },
  })
}
