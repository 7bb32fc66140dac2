import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type Gallery, galleryEntries } from '@lookalike/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { usearchEngine } from '../usearch/usearch-index.js'
import type { OpenFolderOptions } from './folder-gallery.js'
import { openGallery } from './open-gallery.js'

const dim = 4
const space = 's'
let home = ''
let folder = ''
let count = 0
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'lookalike-damage-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))
beforeEach(() => {
  folder = path.join(home, String(count++))
})

const openIt = (at = folder, options: Partial<OpenFolderOptions> = {}) => openGallery(at, { space, dim, ...options })
const matrix = (vectors: readonly (readonly number[])[], role: 'query' | 'gallery' = 'gallery') =>
  createEmbeddings({ data: vectors.flat(), rows: vectors.length, dim, space, role })
const unit = (i: number) => [Math.cos(i), Math.sin(i), 0, 0]
const add = (gallery: Gallery, ...numbers: number[]) =>
  gallery.add(
    numbers.map((i) => ({ id: `image ${i}`, hash: `hash ${i}` })),
    { embeddings: matrix(numbers.map(unit)) },
  )
const ids = async (gallery: Gallery) => (await galleryEntries(gallery)).map(({ id }) => id)
const IDS = [0, 1, 2, 3].map((i) => `image ${i}`)

/** Four images in two changes, closed. */
async function fourImages(at = folder, options: Partial<OpenFolderOptions> = {}): Promise<void> {
  const gallery = await openIt(at, options)
  await add(gallery, 0, 1)
  await add(gallery, 2, 3)
  await gallery.prepare()
  await gallery.close()
}

async function filesOf(at: string): Promise<Map<string, string>> {
  const names = (await readdir(at)).sort()
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(at, name), 'hex')] as const)),
  )
}

describe('a gallery that is open for writing', () => {
  it.each<[string, string, (file: string) => Promise<void>]>([
    ['a log that was cut', 'items-1.jsonl', (file) => truncate(file, 300)],
    ['a log that grew', 'items-1.jsonl', (file) => appendFile(file, 'x')],
    [
      'a log that was replaced',
      'items-1.jsonl',
      async (file) => {
        const text = await readFile(file)
        await rm(file)
        await writeFile(file, text)
      },
    ],
    ['vectors that were cut', 'vectors-1.f32', (file) => truncate(file, dim * 4)],
  ])('acknowledges nothing behind %s', async (_, name, change) => {
    await fourImages()
    const gallery = await openIt()
    const file = path.join(folder, name)
    await change(file)
    await expect(add(gallery, 4)).rejects.toMatchObject({
      code: 'gallery/damaged',
      message: expect.stringMatching(/by something else while it was open/) as unknown,
      fields: { path: file },
    })
    await gallery.close()
  })
})

describe('gallery.json', () => {
  it.each<[string, (text: string) => string | undefined]>([
    ['is lost', () => undefined],
    ['is empty', () => ''],
    ['is cut off', (text) => text.slice(0, 60)],
    ['names another generation', (text) => text.replace('"generation": 1', '"generation": 3')],
    ['names another length', (text) => text.replace('"dim": 4', '"dim": 8')],
    ['names another space', (text) => text.replace('"space": "s"', '"space": "t"')],
    ['names another version', (text) => text.replace('"version": 2', '"version": 3')],
  ])('%s: what it said is taken from the log', async (_, change) => {
    await fourImages()
    const file = path.join(folder, 'gallery.json')
    const right = await readFile(file, 'utf8')
    const wrong = change(right)
    if (wrong === undefined) await rm(file)
    else await writeFile(file, wrong)
    const before = await filesOf(folder)
    const reader = await openIt(folder, { mode: 'read' })
    expect(reader.warnings).toMatchObject([{ code: 'gallery/manifest-recovered' }])
    expect(await ids(reader)).toEqual(IDS)
    await reader.close()
    expect(await filesOf(folder)).toEqual(before)
    const writer = await openIt()
    expect(writer.warnings).toMatchObject([{ code: 'gallery/manifest-recovered', fields: { path: file } }])
    expect(await ids(writer)).toEqual(IDS)
    await writer.close()
    expect(await readFile(file, 'utf8')).toBe(right)
    if (wrong === undefined) return
    const [aside] = await readdir(path.join(folder, 'cut'))
    expect(await readFile(path.join(folder, 'cut', aside!), 'utf8')).toBe(wrong)
    const again = await openIt()
    expect(again.warnings).toEqual([])
    await again.close()
  })

  it.each(['gallery.json', 'items-1.jsonl'])(
    '%s of another gallery is refused, and nothing is touched',
    async (name) => {
      const other = path.join(home, `other ${name}`)
      await fourImages()
      await fourImages(other)
      await cp(path.join(other, name), path.join(folder, name))
      const before = await filesOf(folder)
      for (const mode of ['read', 'write'] as const)
        await expect(openIt(folder, { mode })).rejects.toMatchObject({
          code: 'gallery/damaged',
          message: expect.stringContaining('another gallery') as unknown,
        })
      expect(await filesOf(folder)).toEqual(before)
    },
  )

  it('with every bit flipped in turn loses nothing and says so', async () => {
    await fourImages()
    const file = path.join(folder, 'gallery.json')
    const right = await readFile(file)
    for (let bit = 0; bit < right.length * 8; bit += 3) {
      const wrong = Buffer.from(right)
      wrong[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(file, wrong)
      const reader = await openIt(folder, { mode: 'read' })
      expect([reader.warnings.map(({ code }) => code), await reader.count()], `bit ${bit}`).toEqual([
        ['gallery/manifest-recovered'],
        4,
      ])
      await reader.close()
    }
  })
})

describe('the log', () => {
  const log = () => path.join(folder, 'items-1.jsonl')

  it('that lost its end is read with a warning, and not written without consent', async () => {
    await fourImages()
    const whole = await readFile(log())
    const line = whole.lastIndexOf(10, whole.length - 2) + 1
    for (const length of [line, line + 1, whole.length - 1, whole.length - 20]) {
      await writeFile(log(), whole.subarray(0, length))
      const before = await filesOf(folder)
      const reader = await openIt(folder, { mode: 'read' })
      expect(reader.warnings).toMatchObject([
        { code: 'gallery/lost-end', fields: { bytes: whole.length - line, lines: 1 } },
        { code: 'gallery/torn-tail' },
      ])
      expect(await ids(reader)).toEqual(IDS.slice(0, 2))
      await reader.close()
      await expect(openIt()).rejects.toMatchObject({ code: 'gallery/damaged', fields: { path: log() } })
      expect(await filesOf(folder)).toEqual(before)
    }
    const writer = await openIt(folder, { acceptLoss: true })
    expect(writer.warnings.map(({ code }) => code)).toEqual(['gallery/lost-end', 'gallery/torn-tail'])
    await add(writer, 7)
    await writer.close()
    const names = await readdir(path.join(folder, 'cut'))
    const rows = names.find((name) => name.startsWith('vectors-1.f32-32-'))
    expect(await readFile(path.join(folder, 'cut', rows!))).toEqual(
      Buffer.from(Float32Array.from([unit(2), unit(3)].flat()).buffer),
    )
    const again = await openIt()
    expect(again.warnings).toEqual([])
    expect(await ids(again)).toEqual(['image 0', 'image 1', 'image 7'])
    await again.close()
  })

  it.each([0, 1000, 4096, 4100])('cut to %i bytes is refused, and nothing is touched', async (length) => {
    await fourImages()
    await truncate(log(), length)
    const before = await filesOf(folder)
    for (const mode of ['read', 'write'] as const)
      await expect(openIt(folder, { mode })).rejects.toMatchObject({ code: 'gallery/damaged' })
    expect(await filesOf(folder)).toEqual(before)
  })

  it('with every bit of its last change flipped in turn is damaged, also in its newline', async () => {
    await fourImages()
    const right = await readFile(log())
    const line = right.lastIndexOf(10, right.length - 2) + 1
    for (let bit = line * 8; bit < right.length * 8; bit++) {
      const wrong = Buffer.from(right)
      wrong[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(log(), wrong)
      await expect(openIt(folder, { mode: 'read' }), `bit ${bit}`).rejects.toMatchObject({ code: 'gallery/damaged' })
    }
  })

  it('whose note is damaged once has the other; twice it says that its end is not known', async () => {
    await fourImages()
    const right = await readFile(log())
    const broken = (...slots: number[]) => {
      const wrong = Buffer.from(right)
      for (const slot of slots) wrong[slot * 2048 + 12]! ^= 1
      return writeFile(log(), wrong)
    }
    for (const slot of [0, 1]) {
      await broken(slot)
      const reader = await openIt(folder, { mode: 'read' })
      expect([reader.warnings, await ids(reader)]).toEqual([[], IDS])
      await reader.close()
    }
    await broken(0, 1)
    const writer = await openIt()
    expect(writer.warnings).toMatchObject([{ code: 'gallery/no-end-note' }])
    expect(await ids(writer)).toEqual(IDS)
    await writer.close()
    const again = await openIt()
    expect(again.warnings).toEqual([])
    await again.close()
  })

  it('has a change of many lines whole or not at all', async () => {
    const gallery = await openIt()
    await add(gallery, 0)
    const before = (await readFile(log())).length
    await add(gallery, ...Array.from({ length: 1500 }, (_, i) => i + 1))
    await gallery.close()
    const whole = await readFile(log())
    const firstLine = whole.indexOf(10, before) + 1
    const noteOfBefore = whole.subarray(0, 2048)
    await writeFile(log(), Buffer.concat([noteOfBefore, noteOfBefore, whole.subarray(4096, firstLine)]))
    const reader = await openIt(folder, { mode: 'read' })
    expect(await ids(reader)).toEqual(['image 0'])
    await reader.close()
    const writer = await openIt()
    expect(writer.warnings).toMatchObject([{ code: 'gallery/torn-tail' }])
    await writer.close()
  })
})

it.each(['vectors-1.f32', 'items-1.jsonl'])('a folder in the place of %s is named', async (name) => {
  await fourImages()
  await rm(path.join(folder, name))
  await mkdir(path.join(folder, name))
  for (const mode of ['read', 'write'] as const)
    await expect(openIt(folder, { mode })).rejects.toMatchObject({
      code: 'gallery/damaged',
      fields: { path: path.join(folder, name) },
    })
})

it('a whole newer generation that does not count is kept aside', async () => {
  await fourImages()
  const copy = path.join(home, 'old manifest')
  await cp(folder, copy, { recursive: true })
  const gallery = await openIt()
  await gallery.compact()
  await add(gallery, 9)
  await gallery.close()
  for (const name of ['gallery.json', 'items-1.jsonl', 'vectors-1.f32'])
    await cp(path.join(copy, name), path.join(folder, name))
  const old = await openIt()
  expect(old.warnings).toMatchObject([{ code: 'gallery/kept-aside' }])
  expect(await ids(old)).toEqual(IDS)
  await old.close()
  expect((await readdir(path.join(folder, 'cut'))).map((name) => name.slice(0, 9)).sort()).toEqual([
    'items-2.j',
    'vectors-2',
  ])
})

describe('a saved index', () => {
  const engine = usearchEngine({ precision: 'fp32' })
  const nearest = async (gallery: Gallery, i: number) =>
    (await gallery.search(matrix([unit(i)], 'query'), 1))[0]!.map(({ entry }) => entry.id)

  it('of other rows is not trusted, however many they are', async () => {
    await fourImages(folder, { engine })
    const other = path.join(home, 'other rows')
    const gallery = await openIt(other, { engine })
    await add(gallery, 10, 11, 12, 13)
    await gallery.prepare()
    await gallery.close()
    for (const name of (await readdir(folder)).filter((each) => each.startsWith('index-')))
      await rm(path.join(folder, name))
    for (const name of (await readdir(other)).filter((each) => each.startsWith('index-')))
      await cp(path.join(other, name), path.join(folder, name))
    const mixed = await openIt(folder, { engine, mode: 'read' })
    expect(await nearest(mixed, 2)).toEqual(['image 2'])
    expect(mixed.warnings).toMatchObject([
      { code: 'gallery/index-rebuilt', message: expect.stringContaining('other vectors') as unknown },
    ])
    await mixed.close()
  })

  it.each([false, true])('with any byte changed is made again (mapped: %s)', async (mapped) => {
    const how = usearchEngine({ precision: 'fp32', mapped })
    await fourImages(folder, { engine: how })
    const name = (await readdir(folder)).find((each) => each.endsWith('.usearch'))!
    const right = await readFile(path.join(folder, name))
    for (let at = 0; at < right.length; at += 29) {
      const wrong = Buffer.from(right)
      wrong[at]! ^= 4
      await writeFile(path.join(folder, name), wrong)
      const reader = await openIt(folder, { engine: how, mode: 'read' })
      expect(await nearest(reader, 1)).toEqual(['image 1'])
      expect(reader.warnings).toMatchObject([{ code: 'gallery/index-rebuilt' }])
      await reader.close()
    }
  })
})

describe('a reader that is refreshed', () => {
  it('sees what was acknowledged since, and nothing before it asks', async () => {
    const writer = await openIt()
    await add(writer, 0, 1)
    const reader = await openIt(folder, { mode: 'read' })
    expect(await reader.refresh()).toBe(false)
    await add(writer, 2)
    await writer.remove(['image 0'])
    expect(await ids(reader)).toEqual(['image 0', 'image 1'])
    expect(await reader.refresh()).toBe(true)
    expect(await ids(reader)).toEqual(['image 1', 'image 2'])
    expect((await reader.search(matrix([unit(0)], 'query'), 5))[0]!.map(({ entry }) => entry.id)).toEqual([
      'image 1',
      'image 2',
    ])
    await writer.compact()
    await add(writer, 3)
    const during = reader.search(matrix([unit(3)], 'query'), 1)
    expect(await reader.refresh()).toBe(true)
    expect((await during)[0]!).toHaveLength(1)
    expect(await ids(reader)).toEqual(['image 1', 'image 2', 'image 3'])
    expect(await writer.refresh()).toBe(false)
    await writer.close()
    await reader.close()
  })

  it('stays as it was where there is nothing to open any more, and goes on when there is', async () => {
    await fourImages()
    const reader = await openIt(folder, { mode: 'read' })
    const moved = `${folder}-moved`
    await cp(folder, moved, { recursive: true })
    await rm(folder, { recursive: true })
    await expect(reader.refresh()).rejects.toMatchObject({ code: 'gallery/not-found' })
    expect(await ids(reader)).toEqual(IDS)
    await cp(moved, folder, { recursive: true })
    expect(await reader.refresh()).toBe(true)
    expect(await ids(reader)).toEqual(IDS)
    await reader.close()
  })
})

describe('what comes in', () => {
  it.each([Float32Array, Float64Array, Int8Array, Uint8Array, Array])(
    '%o is kept as numbers of 32 bits',
    async (kind) => {
      const gallery = await openIt()
      const data = (kind.from as (values: number[]) => ArrayLike<number>)([1, 0, 0, 0])
      const embeddings = { data, rows: 1, dim, space, role: 'gallery' as const } as unknown as Parameters<
        Gallery['add']
      >[1]['embeddings']
      await gallery.add([{ id: 'a', hash: 'h' }], { embeddings })
      await gallery.close()
      const again = await openIt()
      expect([...(await again.vectors(['a'])).data]).toEqual([1, 0, 0, 0])
      await again.close()
    },
  )

  it.each<[string, unknown, string]>([
    ['a text', 'abcd', 'embeddings/type'],
    ['big integers', BigInt64Array.of(1n, 0n, 0n, 0n), 'embeddings/type'],
    ['rows of rows', [[1, 0, 0, 0]], 'embeddings/type'],
    ['nothing', undefined, 'embeddings/type'],
    ['beyond float32', Float64Array.of(1e300, 0, 0, 0), 'embeddings/not-finite'],
  ])('%s is refused', async (_, data, code) => {
    const gallery = await openIt()
    const embeddings = { data, rows: 1, dim, space, role: 'gallery' } as never
    await expect(gallery.add([{ id: 'a', hash: 'h' }], { embeddings })).rejects.toMatchObject({ code })
    expect(await gallery.count()).toBe(0)
    await gallery.close()
  })

  it('a text for a list of ids, a list for metadata, a filter on a key that no image has', async () => {
    await fourImages()
    const gallery = await openIt()
    await expect(gallery.remove('image 0' as never)).rejects.toMatchObject({ code: 'gallery/item' })
    await expect(gallery.update([{ id: 'image 0', metadata: ['a'] as never }])).rejects.toMatchObject({
      code: 'gallery/item',
    })
    await gallery.update([{ id: 'image 0', metadata: { colour: 'red' } }])
    const search = (filter: never) => gallery.search(matrix([unit(0)], 'query'), 3, { filter })
    await expect(search({ color: 'red' } as never)).rejects.toMatchObject({
      code: 'gallery/unknown-key',
      message: expect.stringMatching(/Did you mean "colour"/),
      fields: { key: 'color', keys: ['colour'] },
    })
    await expect(search({ colour: { not: 'red' } } as never)).rejects.toMatchObject({ code: 'gallery/filter' })
    expect((await search({ colour: 'red' } as never))[0]).toHaveLength(1)
    await gallery.close()
  })

  it('vectors of another length than the others are said', async () => {
    const gallery = await openIt()
    await add(gallery, 0, 1)
    await gallery.add([{ id: 'long', hash: 'h' }], { embeddings: matrix([[3, 0, 0, 0]]) })
    expect(gallery.warnings).toMatchObject([{ code: 'gallery/lengths', fields: { others: 1, longest: 3 } }])
    await gallery.close()
  })
})
