import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { createEmbeddings, type Embeddings, type Gallery, type GalleryItem, galleryEntries } from '@lookalike/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { bundle } from '../../../../tests/helpers/bundle.js'
import { readManifest } from '../store/manifest.js'
import { createStoreFiles } from '../store/store.js'
import { usearchEngine } from '../usearch/usearch-index.js'
import type { OpenFolderOptions } from './folder-gallery.js'
import { openGallery } from './open-gallery.js'
import { rejectUncertain } from './reject-uncertain.js'

const dim = 4
const space = 's'

let home = ''
let folder = ''
let count = 0
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'lookalike-gallery-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))
beforeEach(() => {
  folder = path.join(home, String(count++))
})

const matrix = (
  rows: readonly (readonly number[])[],
  role: 'query' | 'gallery' | 'any' = 'any',
  of = space,
): Embeddings =>
  createEmbeddings({
    data: Float32Array.from(rows.flat()),
    rows: rows.length,
    dim: rows[0]?.length ?? dim,
    space: of,
    role,
  })
const openIt = (options: Partial<OpenFolderOptions> = {}) => openGallery(folder, { space, dim, ...options })
const item = (id: string, more: Partial<GalleryItem> = {}): GalleryItem => ({ id, hash: `hash of ${id}`, ...more })
const found = async (gallery: Gallery, vector: readonly number[], options = {}) =>
  (await gallery.search(matrix([vector], 'query'), 10, options))[0]!.map(({ entry }) => entry.id)
const east = [1, 0, 0, 0]
const north = [0, 1, 0, 0]
const up = [0, 0, 1, 0]

/** Three images, acknowledged in two steps, and closed. */
async function threeImages(options: Partial<OpenFolderOptions> = {}): Promise<void> {
  const gallery = await openIt(options)
  await gallery.add(
    [item('east', { metadata: { kind: 'a', size: 1 } }), item('north', { metadata: { kind: 'b', size: 2 } })],
    { embeddings: matrix([east, north]) },
  )
  await gallery.add([item('up', { metadata: { kind: 'a' } })], { embeddings: matrix([up]) })
  await gallery.close()
}

describe('a gallery', () => {
  it('finds what it was given, also when opened again', async () => {
    await threeImages()
    const gallery = await openIt()
    expect(gallery.warnings).toEqual([])
    expect(await gallery.count()).toBe(3)
    const [hits] = await gallery.search(matrix([[0.9, 0.1, 0, 0]], 'query'), 2)
    expect(hits!.map(({ entry }) => entry.id)).toEqual(['east', 'north'])
    expect(hits![0]!.distance).toBeCloseTo(0.1, 6)
    expect(hits![0]!.entry).toEqual({
      id: 'east',
      hash: 'hash of east',
      metadata: { kind: 'a', size: 1 },
      rejected: false,
    })
    await gallery.close()
  })

  it('knows an unchanged image, and replaces a changed one', async () => {
    await threeImages()
    const gallery = await openIt()
    expect(await found(gallery, east)).toEqual(['east', 'north', 'up'])
    await gallery.add([item('east', { hash: 'another' })], { embeddings: matrix([[-1, 0, 0, 0]]) })
    expect(await gallery.count()).toBe(3)
    expect(await found(gallery, east)).toEqual(['north', 'up', 'east'])
    expect((await gallery.get(['east']))[0]).toMatchObject({ hash: 'another' })
    expect((await galleryEntries(gallery)).map(({ id }) => id)).toEqual(['north', 'up', 'east'])
    await gallery.close()
  })

  it('removes images, and their room when compacted', async () => {
    await threeImages()
    const gallery = await openIt()
    expect(await gallery.remove(['north', 'nobody', 'north'])).toBe(1)
    expect(await found(gallery, north)).toEqual(['east', 'up'])
    await gallery.compact()
    expect(await found(gallery, north)).toEqual(['east', 'up'])
    expect((await galleryEntries(gallery)).map(({ id }) => id)).toEqual(['east', 'up'])
    await gallery.add([item('north')], { embeddings: matrix([north]) })
    await gallery.close()
    expect((await readdir(folder)).sort()).toEqual(['gallery.json', 'items-2.jsonl', 'vectors-2.f32'])
    expect((await stat(path.join(folder, 'vectors-2.f32'))).size).toBe(3 * dim * 4)
    const again = await openIt()
    expect(await found(again, up)).toEqual(['up', 'east', 'north'])
    await again.close()
  })

  it('keeps the folder that ids start at relative to itself, also through a rewrite', async () => {
    const gallery = await openIt()
    expect(gallery.root).toBe(home)
    await gallery.close()
    const shop = path.join(home, 'shop')
    const second = await openGallery(path.join(shop, 'kept', 'gallery'), { space, dim, root: shop })
    await second.add([item('east', { source: '../../east.png' })], { embeddings: matrix([east]) })
    await second.compact()
    await second.close()
    await cp(shop, path.join(home, 'copy'), { recursive: true })
    const copied = await openGallery(path.join(home, 'copy', 'kept', 'gallery'), { space, dim, root: home })
    expect(copied.root).toBe(path.join(home, 'copy'))
    await copied.moveRoot(home)
    await copied.update([{ id: 'east', source: '../../../shop/east.png' }])
    await copied.close()
    const moved = await openGallery(path.join(home, 'copy', 'kept', 'gallery'), { space, dim, mode: 'read' })
    expect(moved.root).toBe(home)
    expect((await moved.get(['east']))[0]?.source).toBe('../../../shop/east.png')
    await moved.close()
  })

  it('filters by metadata', async () => {
    await threeImages()
    const gallery = await openIt()
    expect(await found(gallery, north, { filter: { kind: 'a' } })).toEqual(['east', 'up'])
    expect(await found(gallery, north, { filter: { kind: ['a', 'b'], size: [2, 3] } })).toEqual(['north'])
    expect(await found(gallery, north, { filter: { size: '2' } })).toEqual([])
    await gallery.close()
  })

  it('keeps rejected images out of sight, and takes them back', async () => {
    await threeImages()
    const gallery = await openIt()
    await gallery.update([
      { id: 'east', uncertainty: 0.9 },
      { id: 'north', uncertainty: 0.1 },
      { id: 'up', uncertainty: 0.5 },
    ])
    expect(await rejectUncertain(gallery, { coverage: 2 / 3 })).toEqual({
      threshold: 0.5,
      rejected: ['east'],
      restored: [],
    })
    expect(await found(gallery, east)).toEqual(['north', 'up'])
    expect(await found(gallery, east, { includeRejected: true })).toEqual(['east', 'north', 'up'])
    await gallery.close()
    const again = await openIt()
    expect((await galleryEntries(again)).filter(({ rejected }) => rejected).map(({ id }) => id)).toEqual(['east'])
    expect((await again.get(['east']))[0]!.metadata).toEqual({ kind: 'a', size: 1 })
    expect(await rejectUncertain(again, { threshold: 1 })).toMatchObject({ restored: ['east'] })
    expect(await found(again, east)).toEqual(['east', 'north', 'up'])
    for (const coverage of [0, -0.5, 1.5, Number.NaN])
      await expect(rejectUncertain(again, { coverage })).rejects.toMatchObject({ code: 'gallery/coverage' })
    await again.close()
  })

  it('says that nothing can be rejected without uncertainties', async () => {
    await threeImages()
    const gallery = await openIt()
    await expect(rejectUncertain(gallery, { coverage: 0.9 })).rejects.toMatchObject({ code: 'gallery/no-uncertainty' })
    await gallery.close()
  })

  it('gives the vectors of what it found', async () => {
    await threeImages()
    const gallery = await openIt()
    await gallery.remove(['east'])
    const [hits] = await gallery.search(matrix([north], 'query'), 5, { withVectors: true, threshold: 0.5 })
    expect(hits).toMatchObject([{ entry: { id: 'north' }, distance: 0, vector: Float32Array.from(north) }])
    await gallery.close()
  })

  it('knows an image by its source, however that is written', async () => {
    const gallery = await openIt()
    await gallery.add([item('east', { source: '../a/./east.png' }), item('north', { source: 'http://h/n.png' })], {
      embeddings: matrix([east, north]),
    })
    const ids = async (...sources: string[]) => (await gallery.findSources(sources)).map(({ id }) => id)
    expect(await ids('../a/east.png', 'http://h/n.png', '../b.png')).toEqual(['east', 'north'])
    await gallery.update([{ id: 'east', source: '../b.png' }])
    await gallery.remove(['north'])
    expect(await ids('../a/east.png', 'http://h/n.png', '../b.png')).toEqual(['east'])
    await gallery.close()
  })

  it('can be copied, also while it is written', async () => {
    const gallery = await openIt()
    await gallery.add([item('east')], { embeddings: matrix([east]) })
    const copied = `${folder}-copy`
    await cp(folder, copied, { recursive: true })
    const copy = await openGallery(copied, { space, dim })
    expect(copy.warnings).toMatchObject([{ code: 'gallery/stale-lock' }])
    expect(await found(copy, east)).toEqual(['east'])
    await copy.close()
    await gallery.close()
  })

  it('has everything that was there when the copying of the log began', async () => {
    await threeImages()
    const gallery = await openIt()
    const copied = `${folder}-copy`
    await cp(path.join(folder, 'items-1.jsonl'), path.join(copied, 'items-1.jsonl'))
    await gallery.add([item('down')], { embeddings: matrix([[0, 0, -1, 0]]) })
    await gallery.remove(['east'])
    for (const name of await readdir(folder))
      await cp(path.join(folder, name), path.join(copied, name), { force: false })
    const copy = await openGallery(copied, { space, dim })
    expect(copy.warnings).toMatchObject([
      { code: 'gallery/stale-lock' },
      { code: 'gallery/torn-tail', fields: { bytes: dim * 4 } },
    ])
    expect(await found(copy, east)).toEqual(['east', 'north', 'up'])
    await copy.verify()
    await copy.close()
    await gallery.close()
  })

  it('lets readers in beside the writer', async () => {
    const gallery = await openIt()
    await gallery.add([item('east')], { embeddings: matrix([east]) })
    const reader = await openIt({ mode: 'read' })
    await gallery.add([item('north')], { embeddings: matrix([north]) })
    await gallery.compact()
    expect(await found(reader, north)).toEqual(['east'])
    await expect(reader.remove(['east'])).rejects.toMatchObject({ code: 'gallery/read-only' })
    await reader.close()
    await gallery.close()
    await expect(gallery.search(matrix([east]), 1)).rejects.toMatchObject({ code: 'gallery/closed' })
  })

  it('runs changes one after the other', async () => {
    const gallery = await openIt()
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => gallery.add([item(`${i}`)], { embeddings: matrix([[i, 0, 0, 0]]) })),
    )
    expect((await galleryEntries(gallery)).map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`))
    await gallery.close()
    const again = await openIt()
    expect(Array.from((await again.vectors(['3', '4', '7'])).data).filter((_, i) => i % dim === 0)).toEqual([3, 4, 7])
    await again.close()
  })
})

describe('vectors made anew', () => {
  const members = [{ name: 'big', space: 'big/1', dim: 2 }]
  const fill = async (gallery: Gallery) => {
    await gallery.add([item('a'), item('b')], {
      embeddings: matrix([east, north]),
      members: {
        big: matrix(
          [
            [1, 2],
            [3, 4],
          ],
          'gallery',
          'big/1',
        ),
      },
    })
    await gallery.add([item('a', { hash: 'new', metadata: { n: 1 } })], {
      embeddings: matrix([up]),
      members: { big: matrix([[5, 6]], 'gallery', 'big/1') },
    })
  }

  it('are what indexing again would give, members kept', async () => {
    const gallery = await openIt({ members })
    await fill(gallery)
    await gallery.rewrite({
      space: 's2',
      dim: 3,
      transform: async ({ members: { big }, entries }) => ({
        embeddings: matrix(
          entries.map((_, i) => [big!.data[i * 2]!, big!.data[i * 2 + 1]!, 1]),
          'gallery',
          's2',
        ),
        uncertainty: entries.map((_, i) => i / 10),
      }),
    })
    expect(gallery.space).toBe('s2')
    await gallery.close()
    await expect(openIt()).rejects.toMatchObject({ code: 'gallery/space', fields: { held: { space: 's2', dim: 3 } } })
    const again = await openGallery(folder, { space: 's2', dim: 3, members })
    expect(await galleryEntries(again)).toMatchObject([
      { id: 'b', uncertainty: 0 },
      { id: 'a', hash: 'new', metadata: { n: 1 }, uncertainty: 0.1 },
    ])
    expect([...(await again.vectors(['b', 'a'])).data]).toEqual([3, 4, 1, 5, 6, 1])
    expect([...(await again.vectors(['b', 'a'], 'big')).data]).toEqual([3, 4, 5, 6])
    await again.close()
  })

  it('are forgotten when making them fails', async () => {
    const gallery = await openIt({ members })
    await fill(gallery)
    const before = (await readdir(folder)).sort()
    const broken = gallery.rewrite({
      space: 's2',
      dim: 3,
      transform: async () => Promise.reject(new Error('no transform')),
    })
    await expect(broken).rejects.toThrow('no transform')
    const wrong = gallery.rewrite({
      space: 's2',
      dim: 3,
      transform: async () => ({ embeddings: matrix([east], 'gallery', 's2') }),
    })
    await expect(wrong).rejects.toMatchObject({ code: 'embeddings/dim' })
    expect((await readdir(folder)).sort()).toEqual(before)
    expect(await found(gallery, up)).toEqual(['a', 'b'])
    await gallery.close()
  })

  it('do not stop searches meanwhile', async () => {
    const gallery = await openIt({ members })
    await fill(gallery)
    let during: string[] = []
    await gallery.rewrite({
      space,
      dim,
      transform: async ({ embeddings }) => {
        during = await found(gallery, up)
        return { embeddings }
      },
    })
    expect(during).toEqual(['a', 'b'])
    expect(await found(gallery, up)).toEqual(['a', 'b'])
    await gallery.close()
  })

  it('need the members that the gallery keeps', async () => {
    const gallery = await openIt({ members })
    await expect(gallery.add([item('a')], { embeddings: matrix([east]) })).rejects.toMatchObject({
      code: 'gallery/shape',
    })
    await expect(
      gallery.add([item('a')], { embeddings: matrix([east]), members: { big: matrix([[1, 2]], 'gallery', 'big/2') } }),
    ).rejects.toMatchObject({ code: 'embeddings/space' })
    await gallery.add([item('a')], {
      embeddings: matrix([east]),
      members: { big: matrix([[1, 2]], 'gallery', 'big/1') },
    })
    await gallery.close()
    await expect(openIt({ members: [] })).rejects.toMatchObject({ code: 'gallery/space' })
  })
})

describe('what does not fit is refused, and nothing is changed', () => {
  it.each<[string, string, (gallery: Gallery) => Promise<unknown>]>([
    [
      'another space',
      'embeddings/space',
      (gallery) => gallery.add([item('x')], { embeddings: matrix([east], 'any', 'other') }),
    ],
    [
      'query vectors',
      'embeddings/role',
      (gallery) => gallery.add([item('x')], { embeddings: matrix([east], 'query') }),
    ],
    [
      'a missing row',
      'gallery/shape',
      (gallery) => gallery.add([item('x'), item('y')], { embeddings: matrix([east]) }),
    ],
    [
      'NaN',
      'embeddings/not-finite',
      (gallery) => gallery.add([item('x')], { embeddings: { ...matrix([east]), data: Float32Array.of(1, NaN, 0, 0) } }),
    ],
    [
      'an id twice',
      'gallery/item',
      (gallery) => gallery.add([item('x'), item('x')], { embeddings: matrix([east, north]) }),
    ],
    ['no id', 'gallery/item', (gallery) => gallery.add([item('')], { embeddings: matrix([east]) })],
    [
      'metadata that JSON loses',
      'gallery/item',
      (gallery) => gallery.add([item('x', { metadata: { n: Infinity } })], { embeddings: matrix([east]) }),
    ],
    [
      'an unknown id',
      'gallery/unknown-id',
      (gallery) =>
        gallery.update([
          { id: 'east', rejected: true },
          { id: 'nobody', rejected: true },
        ]),
    ],
    ['queries of another space', 'embeddings/space', (gallery) => gallery.search(matrix([east], 'query', 'other'), 1)],
    ['gallery vectors as queries', 'embeddings/role', (gallery) => gallery.search(matrix([east], 'gallery'), 1)],
    ['no results', 'index/k', (gallery) => gallery.search(matrix([east]), 0)],
    ['vectors of an image that is not there', 'gallery/unknown-id', (gallery) => gallery.vectors(['east', 'nobody'])],
    ['vectors of an unknown member', 'gallery/member', (gallery) => gallery.vectors(['east'], 'big')],
  ])('%s', async (_, code, attempt) => {
    await threeImages()
    const gallery = await openIt()
    await expect(attempt(gallery)).rejects.toMatchObject({ code })
    expect((await galleryEntries(gallery)).map(({ id, rejected }) => [id, rejected])).toEqual([
      ['east', false],
      ['north', false],
      ['up', false],
    ])
    await gallery.close()
  })

  it.each(['', 5, null, 'a\0b'])('%j as its folder', async (folder) => {
    await expect(openGallery(folder as never)).rejects.toMatchObject({ code: 'gallery/options' })
  })

  it.each([
    { engine: 'exact' },
    { members: 'first' },
    { members: [null] },
    { dim: 1e12 },
    { dim: '4' },
    { onWarning: true },
  ])('an option that means nothing: %j', async (options) => {
    await expect(openIt(options as never)).rejects.toMatchObject({ code: 'gallery/options' })
    await expect(openGallery(folder, null as never)).rejects.toMatchObject({ code: 'gallery/options' })
  })

  it('nothing, where a first try of another model left no image', async () => {
    await (await openIt({ space: 'other', dim: 7 })).close()
    await expect(openIt({ mode: 'read' })).rejects.toMatchObject({ code: 'gallery/space' })
    await threeImages()
    const gallery = await openIt()
    expect(await found(gallery, up)).toEqual(['up', 'east', 'north'])
    await gallery.remove(['up', 'east', 'north'])
    await gallery.close()
    // What held an image once may be what others still read.
    await expect(openIt({ space: 'other', dim: 7 })).rejects.toMatchObject({ code: 'gallery/space' })
  })

  it('a gallery of another space, or none at all', async () => {
    await expect(openIt({ mode: 'read' })).rejects.toMatchObject({ code: 'gallery/not-found' })
    await threeImages()
    await expect(openIt({ space: 'other' })).rejects.toMatchObject({
      code: 'gallery/space',
      message: expect.stringContaining('other'),
    })
    await expect(openIt({ dim: 5 })).rejects.toMatchObject({ code: 'gallery/space' })
    const file = path.join(home, 'file')
    await writeFile(file, '')
    await expect(openGallery(file, { space, dim })).rejects.toMatchObject({ code: 'gallery/io' })
  })
})

describe('after a crash', () => {
  it('a change that was cut off at any byte is moved aside, with a warning', async () => {
    const gallery = await openIt()
    await gallery.add([item('east'), item('north')], { embeddings: matrix([east, north]) })
    await gallery.close()
    const before = await readFile(path.join(folder, 'items-1.jsonl'))
    const more = await openIt()
    await more.add([item('up')], { embeddings: matrix([up]) })
    await more.close()
    const whole = await readFile(path.join(folder, 'items-1.jsonl'))
    for (let length = before.length; length < whole.length; length += 7) {
      const cut = `${folder}-cut-${length}`
      await cp(folder, cut, { recursive: true })
      const torn = Buffer.concat([before, whole.subarray(before.length, length)])
      await writeFile(path.join(cut, 'items-1.jsonl'), torn)
      const reader = await openGallery(cut, { space, dim, mode: 'read' })
      expect(reader.warnings).toMatchObject([{ code: 'gallery/torn-tail' }])
      expect(await reader.count()).toBe(2)
      await reader.close()
      const writer = await openGallery(cut, { space, dim })
      const bytes = length - before.length + dim * 4
      expect(writer.warnings).toMatchObject([{ code: 'gallery/torn-tail', fields: { bytes } }])
      const { kept } = writer.warnings[0]!.fields as { kept: string[] }
      const aside = await Promise.all(kept.map((name) => readFile(path.join(cut, name))))
      const wanted = [whole.subarray(before.length, length), Buffer.from(Float32Array.from(up).buffer)]
      expect(aside).toEqual(wanted.filter((part) => part.length > 0))
      await writer.add([item('up')], { embeddings: matrix([up]) })
      expect(await found(writer, up)).toEqual(['up', 'east', 'north'])
      await writer.compact()
      expect((await readdir(cut)).sort()).toEqual(['gallery.json', 'items-2.jsonl', 'lock', 'vectors-2.f32'])
      await writer.close()
    }
  })

  it('blocks that were never filled count as cut off', async () => {
    await threeImages()
    await appendFile(
      path.join(folder, 'items-1.jsonl'),
      Buffer.concat([Buffer.alloc(100), Buffer.from('end of a line"}\n')]),
    )
    await appendFile(path.join(folder, 'vectors-1.f32'), Buffer.alloc(9))
    const gallery = await openIt()
    expect(gallery.warnings).toMatchObject([{ code: 'gallery/torn-tail' }])
    expect(await gallery.count()).toBe(3)
    await gallery.close()
    const again = await openIt()
    expect(again.warnings).toEqual([])
    await again.close()
  })

  it('leftovers of a rewrite are removed', async () => {
    await threeImages()
    const next = { ...readManifest(folder)!, generation: 2 }
    await createStoreFiles(folder, { manifest: next, root: '..' })
    await writeFile(path.join(folder, 'vectors-2.f32'), 'leftover')
    await writeFile(path.join(folder, 'gallery.json.tmp'), '{')
    await writeFile(path.join(folder, 'vectors-7.f32'), 'of nobody')
    await writeFile(path.join(folder, 'my notes.txt'), 'mine')
    await (await openIt()).close()
    expect((await readdir(folder)).sort()).toEqual([
      'gallery.json',
      'items-1.jsonl',
      'my notes.txt',
      'vectors-1.f32',
      'vectors-7.f32',
    ])
  })
})

describe('a damaged file is named', () => {
  const flip = async (name: string, offset: number) => {
    const file = await open(path.join(folder, name), 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, offset)
    await file.write(Buffer.of(byte[0]! ^ 1), 0, 1, offset)
    await file.close()
  }

  it.each([
    ['first', 4096 + 20, 3],
    ['last', -20, 5],
  ])('the log, in its %s line', async (_, offset, line) => {
    await threeImages()
    const { size } = await stat(path.join(folder, 'items-1.jsonl'))
    await flip('items-1.jsonl', (offset + size) % size)
    for (const mode of ['write', 'read'] as const) {
      await expect(openIt({ mode })).rejects.toMatchObject({
        code: 'gallery/damaged',
        fields: { path: path.join(folder, 'items-1.jsonl'), line },
      })
    }
    expect(await readdir(folder)).not.toContain('lock')
  })

  it('a line that is gone', async () => {
    await threeImages()
    const log = path.join(folder, 'items-1.jsonl')
    const lines = (await readFile(log, 'utf8')).split('\n')
    await writeFile(log, [...lines.slice(0, 3), ...lines.slice(4)].join('\n'))
    await expect(openIt()).rejects.toMatchObject({ code: 'gallery/damaged', fields: { line: 4 } })
  })

  it('the vectors, when they are read', async () => {
    await threeImages()
    await flip('vectors-1.f32', dim * 4 + 2)
    const gallery = await openIt()
    const damage = { code: 'gallery/damaged', fields: { path: path.join(folder, 'vectors-1.f32'), row: 1 } }
    await expect(found(gallery, east)).rejects.toMatchObject(damage)
    await expect(gallery.verify()).rejects.toMatchObject(damage)
    await expect(gallery.compact()).rejects.toMatchObject(damage)
    // The image can be indexed again, and then nothing is missing.
    await gallery.add([item('north')], { embeddings: matrix([north]) })
    expect(await found(gallery, north)).toEqual(['north', 'east', 'up'])
    await gallery.close()
  })

  it('vectors that are shorter, missing, or a note that is none', async () => {
    await threeImages()
    await truncate(path.join(folder, 'vectors-1.f32'), 20)
    await expect(openIt()).rejects.toMatchObject({ code: 'gallery/damaged', fields: { size: 20, wanted: 48 } })
    await rm(path.join(folder, 'vectors-1.f32'))
    await expect(openIt()).rejects.toMatchObject({ code: 'gallery/damaged' })
    await rm(path.join(folder, 'items-1.jsonl'))
    for (const text of ['', '{}', '{"format":"lookalike-gallery","version":3}']) {
      await writeFile(path.join(folder, 'gallery.json'), text)
      await expect(openIt()).rejects.toMatchObject({
        code: 'gallery/damaged',
        fields: { path: path.join(folder, 'gallery.json') },
      })
    }
  })
})

it('acknowledges nothing while a change that failed cannot be undone', async () => {
  await threeImages()
  const gallery = await openIt()
  const handle = await open(folder, 'r')
  const files = Object.getPrototypeOf(handle) as Record<'datasync' | 'truncate', () => Promise<void>>
  await handle.close()
  const failing = (['datasync', 'truncate'] as const).map((name) =>
    vi.spyOn(files, name).mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC', syscall: name })),
  )
  const failure = { code: 'gallery/write', fields: { undone: false } }
  await expect(gallery.add([item('down')], { embeddings: matrix([[0, 0, 0, 1]]) })).rejects.toMatchObject(failure)
  // It may be there when the gallery is opened again: that it is not here yet is no answer.
  await expect(gallery.remove(['down'])).rejects.toMatchObject(failure)
  for (const each of failing) each.mockRestore()
  expect(await gallery.remove(['down'])).toBe(0)
  await gallery.close()
  const again = await openIt({ mode: 'read' })
  expect(await again.count()).toBe(3)
  await again.close()
})

describe('a second writer', () => {
  it('is kept out, by name, and let in afterwards', async () => {
    const gallery = await openIt()
    await expect(openIt()).rejects.toMatchObject({ code: 'gallery/locked', fields: { pid: process.pid } })
    await gallery.close()
    const again = await openIt()
    expect(again.warnings).toEqual([])
    await again.close()
  })

  it('takes over from one that was killed, while only one of many gets in', async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'])
    child.kill('SIGKILL')
    await once(child, 'exit')
    await threeImages()
    await writeFile(
      path.join(folder, 'lock'),
      JSON.stringify({
        pid: child.pid,
        host: (await import('node:os')).hostname(),
        started: '1',
        inode: '0',
        token: 't',
      }),
    )
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => openIt()))
    const opened = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
    expect(opened).toHaveLength(1)
    expect(opened[0]!.warnings).toMatchObject([{ code: 'gallery/stale-lock', fields: { pid: child.pid } }])
    await opened[0]!.close()
  })

  it('takes over a lock that never got a holder', async () => {
    await threeImages()
    await writeFile(path.join(folder, 'lock'), '')
    await (await openIt()).close()
    expect(await readdir(folder)).not.toContain('lock')
  })

  it('stops the first one where the lock was taken by force', async () => {
    const gallery = await openIt()
    await rm(path.join(folder, 'lock'))
    const other = await openIt()
    await other.add([item('east')], { embeddings: matrix([east]) })
    await expect(gallery.add([item('north')], { embeddings: matrix([north]) })).rejects.toMatchObject({
      code: 'gallery/locked',
    })
    await gallery.close()
    await other.close()
    const again = await openIt()
    expect((await galleryEntries(again)).map(({ id }) => id)).toEqual(['east'])
    await again.close()
  })
})

describe('a full disk', () => {
  it.skipIf(process.platform === 'win32')('is an error, and everything acknowledged is there', async () => {
    const file = await bundle(new URL('./test-process/small-disk.ts', import.meta.url), home)
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -f 20; exec "$0" "$@"',
      process.execPath,
      file,
      folder,
    ])
    const { acknowledged, errors, size } = JSON.parse(stdout) as {
      acknowledged: number
      errors: string[]
      size: number
    }
    expect(acknowledged).toBeGreaterThan(20)
    expect(errors).toEqual(['gallery/write', 'gallery/write', 'gallery/write'])
    expect(size).toBe(acknowledged)
    const gallery = await openGallery(folder, { space, dim: 64 })
    expect(gallery.warnings).toEqual([])
    expect((await galleryEntries(gallery)).map(({ id }) => id)).toEqual(
      Array.from({ length: acknowledged }, (_, i) => `${i}`),
    )
    await gallery.verify()
    await gallery.add([item('more')], {
      embeddings: createEmbeddings({ data: new Float32Array(64), rows: 1, dim: 64, space, role: 'any' }),
    })
    await gallery.close()
  })
})

describe('with an approximate engine', () => {
  const engine = usearchEngine({ precision: 'fp32' })

  it('keeps the index, and brings it up to date', async () => {
    await threeImages({ engine })
    const first = await openIt({ engine })
    await first.prepare()
    await first.close()
    const saved = (await readdir(folder)).filter((name) => name.startsWith('index-'))
    expect(saved).toHaveLength(3)
    const second = await openIt({ engine })
    await second.add([item('down')], { embeddings: matrix([[0, 0, -1, 0]]) })
    await second.remove(['east'])
    expect(await found(second, up)).toEqual(['up', 'north', 'down'])
    await second.close()
    expect((await readdir(folder)).filter((name) => name.startsWith('index-'))).toHaveLength(3)
    const third = await openIt({ engine, mode: 'read' })
    expect(await found(third, up)).toEqual(['up', 'north', 'down'])
    await third.close()
    const fourth = await openIt({ engine })
    await fourth.compact()
    expect(await found(fourth, up)).toEqual(['up', 'north', 'down'])
    await fourth.close()
  })

  it('closes when the index cannot be kept, and says so', async () => {
    const broken = {
      ...engine,
      open: async (binding: Parameters<typeof engine.open>[0]) => ({
        ...(await engine.open(binding)),
        save: (file: string) => writeFile(`${file}.new`, 'half').then(() => Promise.reject(new Error('no space'))),
      }),
    }
    const gallery = await openIt({ engine: broken })
    await gallery.add([item('east')], { embeddings: matrix([east]) })
    await gallery.prepare()
    await gallery.close()
    expect(gallery.warnings).toMatchObject([
      { code: 'gallery/index-not-saved', message: expect.stringContaining('no space') },
    ])
    expect((await readdir(folder)).sort()).toEqual(['gallery.json', 'items-1.jsonl', 'vectors-1.f32'])
    const again = await openIt({ engine })
    expect(await found(again, east)).toEqual(['east'])
    await again.close()
  })

  it('makes a damaged index again from the vectors, and says so', async () => {
    const gallery = await openIt({ engine })
    await gallery.add([item('east'), item('up')], { embeddings: matrix([east, up]) })
    await gallery.prepare()
    await gallery.close()
    const name = (await readdir(folder)).find((file) => file.endsWith('.usearch'))!
    await truncate(path.join(folder, name), 50)
    const again = await openIt({ engine })
    expect(await found(again, up)).toEqual(['up', 'east'])
    expect(again.warnings).toMatchObject([{ code: 'gallery/index-rebuilt' }])
    await again.close()
    const third = await openIt({ engine })
    expect(await found(third, up)).toEqual(['up', 'east'])
    expect(third.warnings).toEqual([])
    await third.close()
  })
})
