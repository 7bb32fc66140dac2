import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createEmbeddings, type Gallery } from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openGallery } from '../gallery/open-gallery.js'
import { openTableWriter } from '../tables/open-table-writer.js'
import { readTable } from '../tables/read-table.js'
import { type TableFormat } from '../tables/vector-table.js'
import { gridEncoder, openShop, png, type Shop } from '../testing/shop.js'
import { chooseImages } from './choose-images.js'
import { exportGallery } from './export-gallery.js'
import { importVectors } from './import-vectors.js'
import { mergeGalleries } from './merge-galleries.js'
import { baseOf, entriesOf, nameOf, vectorsOf } from './reading.js'
import { verifyGallery } from './verify-gallery.js'

let shop: Shop
let gallery: Gallery
beforeEach(async () => {
  shop = await openShop()
  for (const name of ['cat/1', 'cat/2', 'dog/1']) await shop.put(`photos/${name}.png`, await png(name))
  gallery = await shop.open()
  await shop.index(gallery, 'photos')
})
afterEach(() => shop.close())

const idsOf = async (of: Gallery) => (await entriesOf(of)).map(({ id }) => id).sort()

async function contents(of: Gallery) {
  const entries = await entriesOf(of)
  const { data } = await vectorsOf(of, entries)
  return entries
    .map(({ id, hash, metadata, rejected, uncertainty, source }, row) => ({
      id,
      hash,
      metadata,
      rejected,
      uncertainty,
      file: source === undefined ? undefined : path.resolve(baseOf(of), source),
      vector: [...data.subarray(row * 48, row * 48 + 48)],
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('out of one gallery, into another', () => {
  it.each<TableFormat>(['npy', 'jsonl', 'parquet'])('by way of %s everything comes over', async (format) => {
    await gallery.update([{ id: 'photos/cat/1.png', rejected: true, uncertainty: 0.25 }])
    const folder = path.join(shop.folder, 'tables/deep')
    const file = path.join(folder, `all.${format}`)
    const writer = await openTableWriter(file, { format, space: gallery.space, dim: gallery.dim })
    expect(await exportGallery(gallery, writer, { folder })).toBe(3)
    const other = await shop.open('elsewhere/second')
    expect(await importVectors(other, readTable(file), { folder })).toEqual({ added: 3, replaced: 0, unchanged: 0 })
    expect(await contents(other)).toEqual(await contents(gallery))
    expect(await importVectors(other, readTable(file), { folder })).toEqual({ added: 0, replaced: 0, unchanged: 3 })
  })

  it('vectors with ids alone: the vector stands for the image', async () => {
    const numbers = Array.from({ length: 48 }, (_, i) => i / 48)
    await shop.put('v.jsonl', `${JSON.stringify({ id: 'x', vector: numbers })}\n`)
    const file = path.join(shop.folder, 'v.jsonl')
    expect((await importVectors(gallery, readTable(file))).added).toBe(1)
    expect((await importVectors(gallery, readTable(file))).unchanged).toBe(1)
    await shop.put('v.jsonl', `${JSON.stringify({ id: 'x', vector: numbers.toReversed() })}\n`)
    expect((await importVectors(gallery, readTable(file))).replaced).toBe(1)
  })

  it.each([
    ['another space', { id: 'x', space: 'other/1', vector: Array(48).fill(1) }, 'import/space'],
    ['another length', { id: 'x', vector: [1, 2] }, 'import/space'],
    ['numbers that are none', { id: 'x', vector: Array(48).fill(1e60) }, 'embeddings/not-finite'],
  ])('refuses %s', async (_, row, code) => {
    await shop.put('v.jsonl', `${JSON.stringify(row)}\n`)
    const reading = importVectors(gallery, readTable(path.join(shop.folder, 'v.jsonl')))
    await expect(reading).rejects.toMatchObject({ code })
  })

  it('refuses an id that comes twice', async () => {
    const line = `${JSON.stringify({ id: 'x', vector: Array(48).fill(1) })}\n`
    await shop.put('v.jsonl', line + line)
    const reading = importVectors(gallery, readTable(path.join(shop.folder, 'v.jsonl')))
    await expect(reading).rejects.toMatchObject({ code: 'import/duplicate-id' })
  })
})

describe('which images', () => {
  it('by id, by path, and by what is said of them', async () => {
    expect(await chooseImages(gallery, { ids: ['photos/cat/1.png'] })).toEqual(['photos/cat/1.png'])
    const file = path.join(shop.folder, 'photos/dog/1.png')
    expect(await chooseImages(gallery, { ids: [file, 'photos/dog/1.png'] })).toEqual(['photos/dog/1.png'])
    expect((await chooseImages(gallery, { filter: { label: 'cat' } })).sort()).toEqual([
      'photos/cat/1.png',
      'photos/cat/2.png',
    ])
    expect(await chooseImages(gallery, { ids: ['photos/dog/1.png'], filter: { label: 'cat' } })).toEqual([])
    expect(await chooseImages(gallery, {})).toEqual([])
  })

  it('names what is not there, and what is near', async () => {
    await expect(chooseImages(gallery, { ids: ['photos/cat/3.png'] })).rejects.toMatchObject({
      code: 'gallery/unknown-id',
      message: expect.stringContaining('photos/cat/1.png') as unknown,
    })
    await expect(chooseImages(gallery, { filter: { lable: 'cat' } })).rejects.toMatchObject({
      code: 'gallery/unknown-key',
    })
  })
})

describe('verified', () => {
  const verify = (contents = false) => verifyGallery(gallery, { contents, imageOf: entryImages(gallery) })

  it('says what is gone, what has changed, and what may not be named', async () => {
    const whole = { images: 3, missing: [], changed: [], notAllowed: [], elsewhere: 0 }
    expect(await verify(true)).toEqual(whole)
    await rm(path.join(shop.folder, 'photos/cat/1.png'))
    await writeFile(path.join(shop.folder, 'photos/cat/2.png'), 'changed')
    expect(await verify()).toEqual({ ...whole, missing: ['photos/cat/1.png'] })
    expect(await verify(true)).toEqual({ ...whole, missing: ['photos/cat/1.png'], changed: ['photos/cat/2.png'] })
    await gallery.update([
      { id: 'photos/cat/1.png', source: '/etc/passwd' },
      { id: 'photos/cat/2.png', source: 'https://example.com/2.png' },
    ])
    expect(await verify(true)).toEqual({ ...whole, notAllowed: ['photos/cat/1.png'], elsewhere: 1 })
  })

  it('finds a flipped bit', async () => {
    const file = path.join(nameOf(gallery), 'vectors-1.f32')
    const bytes = await readFile(file)
    bytes[200]! ^= 1
    await writeFile(file, bytes)
    await expect(verify()).rejects.toMatchObject({ code: 'gallery/damaged' })
  })
})

describe('merged', () => {
  let other: Gallery
  beforeEach(async () => {
    other = await shop.open('second')
    await shop.put('photos/dog/2.png', await png('dog/2'))
    await shop.index(other, 'photos/dog')
  })

  it('takes over what is new, and says what was there', async () => {
    expect(await mergeGalleries(gallery, [other])).toEqual({ added: 1, replaced: 0, updated: 0, unchanged: 1, kept: 0 })
    expect(await idsOf(gallery)).toEqual([
      'photos/cat/1.png',
      'photos/cat/2.png',
      'photos/dog/1.png',
      'photos/dog/2.png',
    ])
    const merged = (await contents(gallery)).at(-1)
    expect(merged).toEqual((await contents(other)).at(-1))
    expect(merged!.file).toBe(path.join(shop.folder, 'photos/dog/2.png'))
    expect(await mergeGalleries(gallery, [other])).toEqual({ added: 0, replaced: 0, updated: 0, unchanged: 2, kept: 0 })
  })

  it('asks what to do with ids that clash, before anything is changed', async () => {
    await shop.put('photos/dog/1.png', await png('another dog'))
    await shop.index(other, 'photos/dog')
    await expect(mergeGalleries(gallery, [other])).rejects.toMatchObject({
      code: 'merge/clash',
      fields: { ids: ['photos/dog/1.png'] },
    })
    expect(await idsOf(gallery)).toHaveLength(3)
    const before = (await contents(gallery))[2]!.hash
    expect(await mergeGalleries(gallery, [other], { onClash: 'keep' })).toMatchObject({ added: 1, kept: 1 })
    expect((await contents(gallery))[2]!.hash).toBe(before)
    expect(await mergeGalleries(gallery, [other], { onClash: 'replace' })).toMatchObject({
      replaced: 1,
      updated: 0,
      unchanged: 1,
    })
    expect((await contents(gallery))[2]!.hash).not.toBe(before)
  })

  it('refuses vectors of another model', async () => {
    const folder = path.join(shop.folder, 'third')
    const third = await openGallery(folder).catch((error: unknown) => error)
    expect(third).toMatchObject({ code: 'gallery/not-found' })
    const made = await openGallery(folder, { space: 'other/1', dim: 2 })
    const embeddings = createEmbeddings({ data: [1, 0], rows: 1, dim: 2, space: 'other/1', role: 'gallery' })
    await made.add([{ id: 'x', hash: 'y' }], { embeddings })
    await made.close()
    const opened = await openGallery(folder, { mode: 'read' })
    expect(opened.space).toBe('other/1')
    await expect(mergeGalleries(gallery, [opened])).rejects.toMatchObject({ code: 'gallery/space' })
    await opened.close()
    expect(gridEncoder.space).not.toBe('other/1')
  })
})
