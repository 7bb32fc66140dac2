import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openEmbeddingCache } from './open-embedding-cache.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-cache-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const key = (n: number) => n.toString(16).padStart(32, '0')
const vector = (n: number, dim = 3) => Float32Array.from({ length: dim }, (_, i) => n + i / 10)
const segmentsOf = async () => {
  const [space] = await readdir(folder)
  return (await readdir(path.join(folder, space!)))
    .filter((name) => name.endsWith('.seg'))
    .map((name) => path.join(folder, space!, name))
}
async function fill(...numbers: number[]) {
  const cache = await openEmbeddingCache(folder, 'space', 3)
  await cache.put(numbers.map(key), Float32Array.from(numbers.flatMap((n) => [...vector(n)])))
  await cache.close()
}

it('gives back what was put, in any order, also after opening again', async () => {
  await fill(1, 2, 3)
  await fill(7)
  const cache = await openEmbeddingCache(folder, 'space', 3)
  expect(cache.size).toBe(4)
  expect(cache.get([key(7), key(9), key(1), key(3), key(1)])).toEqual([
    vector(7),
    undefined,
    vector(1),
    vector(3),
    vector(1),
  ])
  await cache.close()
})

it('keeps spaces and dimensions apart', async () => {
  await fill(1)
  for (const [space, dim] of [
    ['other', 3],
    ['space', 4],
  ] as const) {
    const cache = await openEmbeddingCache(folder, space, dim)
    expect(cache.has(key(1))).toBe(false)
    await cache.close()
  }
})

it('writes nothing for keys that it has, and no segment for a run that adds none', async () => {
  await fill(1, 2)
  const [segment] = await segmentsOf()
  const before = (await stat(segment!)).size
  await fill(1, 2)
  expect(await segmentsOf()).toHaveLength(1)
  expect((await stat(segment!)).size).toBe(before)
})

it('loses only the torn record at the end of a cut-off segment', async () => {
  await fill(1, 2, 3)
  const [segment] = await segmentsOf()
  await truncate(segment!, (await stat(segment!)).size - 5)
  await fill(4)
  const cache = await openEmbeddingCache(folder, 'space', 3)
  expect(cache.get([1, 2, 3, 4].map(key))).toEqual([vector(1), vector(2), undefined, vector(4)])
  await cache.close()
})

it('treats a damaged record as absent and takes a new one in its place', async () => {
  await fill(1, 2)
  const [segment] = await segmentsOf()
  const file = await open(segment!, 'r+')
  await file.write(Buffer.from([255]), 0, 1, 16 + 16 + 4 + 1)
  await file.close()
  await appendFile(segment!, 'tail')
  const cache = await openEmbeddingCache(folder, 'space', 3)
  expect(cache.get([1, 2].map(key))).toEqual([undefined, vector(2)])
  await cache.put([key(1)], vector(1))
  expect(cache.get([key(1)])).toEqual([vector(1)])
  await cache.close()
})

it('is shared by processes that write at the same time', async () => {
  const caches = await Promise.all([1, 2, 3].map(() => openEmbeddingCache(folder, 'space', 3)))
  await Promise.all(caches.map((cache, i) => cache.put([key(i)], vector(i))))
  await Promise.all(caches.map((cache) => cache.close()))
  const cache = await openEmbeddingCache(folder, 'space', 3)
  expect(cache.get([0, 1, 2].map(key))).toEqual([0, 1, 2].map((n) => vector(n)))
  await cache.close()
})

it('keeps every acknowledged vector when the process is killed', async () => {
  const source = fileURLToPath(new URL('open-embedding-cache.ts', import.meta.url))
  const jiti = import.meta.resolve('jiti')
  const script = `
    import { createJiti } from ${JSON.stringify(jiti)}
    const { openEmbeddingCache } = await createJiti(import.meta.url).import(${JSON.stringify(source)})
    const cache = await openEmbeddingCache(${JSON.stringify(folder)}, 'space', 256)
    for (let n = 0; ; n++) {
      await cache.put([n.toString(16).padStart(32, '0')], Float32Array.from({ length: 256 }, (_, i) => n + i / 10))
      process.stdout.write(n + '\\n')
    }`
  for (const enough of [2, 20, 60]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let acknowledged = ''
    child.stdout.on('data', (data: Buffer) => {
      acknowledged += data.toString()
      if (acknowledged.split('\n').length > enough) child.kill('SIGKILL')
    })
    await new Promise((resolve) => child.on('close', resolve))
    const last = Number(acknowledged.trim().split('\n').at(-1))
    expect(last).toBeGreaterThan(0)
    const cache = await openEmbeddingCache(folder, 'space', 256)
    const found = cache.get(Array.from({ length: last + 1 }, (_, n) => key(n)))
    expect(found.every((value, n) => value?.[0] === n)).toBe(true)
    await cache.close()
  }
})

it('says which folder cannot be used', async () => {
  await fill(1)
  const [segment] = await segmentsOf()
  await expect(openEmbeddingCache(segment!, 'space', 3)).rejects.toMatchObject({ code: 'cache/read' })
})
