import { existsSync } from 'node:fs'
import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Gallery } from '@lookalike/core'
import { entryImages } from '@lookalike/image'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { entriesOf, vectorsOf } from '../care/reading.js'
import { gridEmbed, openShop, png, resizedPng, type Shop } from '../testing/shop.js'
import { chooseKeeper } from './choose-keeper.js'
import { type Duplicates, findDuplicates } from './find-duplicates.js'
import { moveAside, undoMove } from './move-aside.js'
import { proposeThreshold } from './propose-threshold.js'

describe('which one stays', () => {
  const facts = { pixels: 100, bytes: 50, modified: 5 }
  it.each([
    ['the most pixels', { id: 'b', ...facts, pixels: 101, bytes: 1, modified: 9 }],
    ['of equally large ones the largest file', { id: 'b', ...facts, bytes: 51, modified: 9 }],
    ['then the oldest', { id: 'bb', ...facts, modified: 4 }],
    ['then the shortest id', { id: 'z', ...facts }],
  ])('%s', (_, better) => {
    expect(chooseKeeper([{ id: 'aa', ...facts }, better, { id: 'ab', ...facts }]).id).toBe(better.id)
  })

  it('one that can be read before one that cannot', () => {
    expect(chooseKeeper([{ id: 'a' }, { id: 'copy of a', ...facts }]).id).toBe('copy of a')
  })
})

describe('the proposed threshold', () => {
  const copies = Float64Array.from({ length: 100 }, (_, i) => (i + 1) / 1000)
  it('has 95 of 100 copies within it', () => {
    expect(proposeThreshold(copies, [0.3, 0.5, 0.2])).toEqual({
      threshold: 0.095,
      images: 3,
      copies: { median: 0.05, most: 0.095 },
      others: { median: 0.3, most: 0.5 },
    })
  })
  it('is smaller where different images are as near as copies', () => {
    expect(proposeThreshold(copies, [0.06, 0.07, 0.08]).threshold).toBe(0.05)
    expect(proposeThreshold(copies, [0.01, 0.02, 0.03]).threshold).toBe(0.03)
  })
})

let shop: Shop
let gallery: Gallery
beforeEach(async () => {
  shop = await openShop()
  for (let i = 0; i < 8; i++) await shop.put(`photos/other-${i}.png`, await png(`other ${i}`))
  await shop.put('photos/a.png', await png('a'))
  await shop.put('photos/a (copy).png', await png('a'))
  await shop.put('photos/small/a.png', await resizedPng('a', 32))
  await shop.put('photos/b.png', await png('b', 96, 96))
  await shop.put('photos/b small.png', await resizedPng('b', 48))
  await shop.put('photos/c.png', await png('c'))
  await shop.put('photos/d.png', await png('c'))
  await utimes(path.join(shop.folder, 'photos/d.png'), 1000, 1000)
  gallery = await shop.open()
  await shop.index(gallery, 'photos')
})
afterEach(() => shop.close())

const find = (options: Partial<Parameters<typeof findDuplicates>[1]> = {}) =>
  findDuplicates(gallery, { imageOf: entryImages(gallery), embed: gridEmbed, ...options })
const idsOf = ({ groups }: Duplicates) =>
  groups.map(({ kind, keep, others }) => [kind, keep.id, ...others.map(({ id }) => id)])

it('finds exact and near copies by a threshold of its own, and says which one stays', async () => {
  const found = await find()
  expect(idsOf(found)).toEqual([
    ['exact', 'photos/d.png', 'photos/c.png'],
    ['near', 'photos/b.png', 'photos/b small.png'],
    ['near', 'photos/a.png', 'photos/a (copy).png', 'photos/small/a.png'],
  ])
  expect(found.images).toBe(15)
  expect(found.threshold).toBe(found.proposal?.threshold)
  expect(found.threshold).toBeGreaterThan(0)
  expect(found.proposal!.copies.most).toBeLessThan(found.proposal!.others.most)
  const b = found.groups[1]!
  expect(b.keep).toMatchObject({ width: 96, height: 96, distance: 0 })
  expect(b.others[0]).toMatchObject({ width: 48, height: 48 })
  expect(b.others[0]!.distance).toBeCloseTo(b.diameter, 5)
})

it('finds exact copies alone with the threshold 0, without a model', async () => {
  expect(idsOf(await find({ threshold: 0, embed: undefined }))).toEqual([
    ['exact', 'photos/a.png', 'photos/a (copy).png'],
    ['exact', 'photos/d.png', 'photos/c.png'],
  ])
})

it('finds groups that are larger than the first look', async () => {
  for (let i = 0; i < 40; i++) await shop.put(`photos/many/${i}.png`, await resizedPng('many', 40 + i))
  await shop.index(gallery, 'photos')
  const found = await find({ threshold: 0.02 })
  expect(found.groups.find(({ keep }) => keep.id.startsWith('photos/many'))!.others).toHaveLength(39)
})

it('leaves rejected images out, and copes with files that are gone', async () => {
  await gallery.update([{ id: 'photos/d.png', rejected: true }])
  await writeFile(path.join(shop.folder, 'photos/a.png'), 'no picture')
  const groups = idsOf(await find({ threshold: 0 }))
  expect(groups).toEqual([['exact', 'photos/a (copy).png', 'photos/a.png']])
})

it.each([-1, 3, Number.NaN])('refuses the threshold %s', async (threshold) => {
  await expect(find({ threshold })).rejects.toMatchObject({ code: 'duplicates/threshold' })
})

describe('moved aside', () => {
  const aside = () => path.join(shop.folder, 'aside')
  const at = (name: string) => path.join(shop.folder, name)
  const chosen = async () =>
    (await find({ threshold: 0.02 })).groups.flatMap(({ others }) =>
      others.map(({ entry, image }) => ({ entry, file: image?.source as string })),
    )

  it('files and entries go, and come back as they were', async () => {
    const before = await entriesOf(gallery)
    const vectors = await vectorsOf(gallery, before)
    const bytes = await readFile(at('photos/small/a.png'))
    const { moved, left, folder } = await moveAside(gallery, await chosen(), aside())
    expect(folder).toBe(aside())
    expect(left).toEqual([])
    expect(moved.map(({ id }) => id).sort()).toEqual([
      'photos/a (copy).png',
      'photos/b small.png',
      'photos/c.png',
      'photos/small/a.png',
    ])
    for (const { from, to } of moved) expect([existsSync(from), existsSync(to)]).toEqual([false, true])
    expect(await readFile(at('aside/photos/small/a.png'))).toEqual(bytes)
    expect((await entriesOf(gallery)).map(({ id }) => id)).not.toContain('photos/c.png')

    const undone = await undoMove(gallery, aside())
    expect(undone.left).toEqual([])
    expect(undone.restored).toHaveLength(4)
    expect(existsSync(aside())).toBe(false)
    const after = await entriesOf(gallery)
    const plain = (entries: typeof before) =>
      entries
        .map(({ id, hash, metadata, source }) => ({ id, hash, metadata, source }))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
    expect(plain(after)).toEqual(plain(before))
    const row = after.findIndex(({ id }) => id === 'photos/small/a.png')
    const was = before.findIndex(({ id }) => id === 'photos/small/a.png')
    const again = await vectorsOf(gallery, after)
    expect(again.data.subarray(row * 48, row * 48 + 48)).toEqual(vectors.data.subarray(was * 48, was * 48 + 48))
  })

  it('what has changed since, shares its file, or has none stays', async () => {
    const all = await chosen()
    await appendFile(at('photos/c.png'), 'changed')
    const entry = all.find(({ entry: { id } }) => id === 'photos/b small.png')!.entry
    await gallery.update([{ id: 'photos/other-1.png', source: entry.source! }])
    const { moved, left } = await moveAside(
      gallery,
      all.map((each) => (each.entry.id === 'photos/small/a.png' ? { ...each, file: undefined } : each)),
      aside(),
    )
    expect(moved.map(({ id }) => id)).toEqual(['photos/a (copy).png'])
    expect(Object.fromEntries(left.map(({ id, why }) => [id, why]))).toEqual({
      'photos/c.png': 'changed',
      'photos/b small.png': 'shared',
      'photos/small/a.png': 'no-file',
    })
  })

  it('nothing is overwritten on the way back; the rest goes back, and the journal stays', async () => {
    await moveAside(gallery, await chosen(), aside())
    await writeFile(at('photos/c.png'), 'something new')
    const { restored, left } = await undoMove(gallery, aside())
    expect(restored).toHaveLength(3)
    expect(left).toMatchObject([{ id: 'photos/c.png', why: 'in-the-way' }])
    expect(await readFile(at('photos/c.png'), 'utf8')).toBe('something new')
    await writeFile(at('photos/c.png'), '')
    expect(existsSync(at('aside/photos/c.png'))).toBe(true)
  })

  it('a journal from elsewhere moves nothing out of its folder, and nothing to other places', async () => {
    await moveAside(gallery, await chosen(), aside())
    const journal = path.join(aside(), 'moved.jsonl')
    const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n')
    const first = JSON.parse(lines[0]!) as { from: string; to: string }
    await writeFile(journal, `${JSON.stringify({ ...first, from: '/etc/lookalike.png' })}\n`)
    expect(await undoMove(gallery, aside())).toMatchObject({ restored: [], left: [{ why: 'not-allowed' }] })
    await writeFile(journal, `${JSON.stringify({ ...first, to: '../photos/other-1.png' })}\n`)
    await expect(undoMove(gallery, aside())).rejects.toMatchObject({ code: 'move/journal' })
  })

  it('a second move into the same folder is refused before anything moves', async () => {
    const images = await chosen()
    await moveAside(gallery, images.slice(0, 1), aside())
    await expect(moveAside(gallery, images.slice(1), aside())).rejects.toMatchObject({ code: 'move/exists' })
    expect(existsSync(at('photos/small/a.png'))).toBe(true)
  })

  it('an interruption leaves what was moved out of the gallery, and can be undone', async () => {
    const controller = new AbortController()
    const images = await chosen()
    const moving = moveAside(gallery, images, aside(), {
      signal: controller.signal,
      onProgress: ({ done }) => done === 2 && controller.abort(new Error('stop')),
    })
    await expect(moving).rejects.toThrow('stop')
    expect(await entriesOf(gallery)).toHaveLength(13)
    expect((await undoMove(gallery, aside())).restored).toHaveLength(2)
    expect(await entriesOf(gallery)).toHaveLength(15)
  })
})
