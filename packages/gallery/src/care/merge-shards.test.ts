import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Gallery, Progress } from '@lookalike/core'
import { shardFolder, shardsFolder } from '@lookalike/image'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AddImagesOptions, addImages } from '../gallery/add-images.js'
import { openGallery } from '../gallery/open-gallery.js'
import { gridEmbed, gridEncoder, openShop, png, type Shop } from '../testing/shop.js'
import { mergeShards } from './merge-shards.js'
import { baseOf, entriesOf, vectorsOf } from './reading.js'

const IMAGES = 23
let shop: Shop
beforeEach(async () => {
  shop = await openShop()
  for (let i = 0; i < IMAGES; i++) {
    // Copies, so that distances tie.
    const content = await png(`drawing ${i % 15}`)
    await shop.put(`photos/${'abc'[i % 3]}/${i}.png`, content)
  }
  await shop.put('photos/b/broken.png', 'no image')
})
afterEach(() => shop.close())

const photos = () => [path.join(shop.folder, 'photos')]
const wholeOf = (name: string) => path.join(shop.folder, name)

async function indexShard(number: number, of: number, options: AddImagesOptions = {}) {
  const folder = shardFolder(wholeOf('shop.gallery'), { number, of })
  const gallery = await openGallery(folder, { space: gridEncoder.space, dim: gridEncoder.dim, root: shop.folder })
  try {
    const except = [shardsFolder(wholeOf('shop.gallery'))]
    await addImages(gallery, gridEncoder, photos(), { shard: { number, of }, except, prune: true, ...options })
  } finally {
    await gallery.close()
  }
  return folder
}

async function allShards(of: number): Promise<string[]> {
  const folders: string[] = []
  for (let number = 1; number <= of; number++) folders.push(await indexShard(number, of))
  return folders
}

/** Everything that a gallery says, in its order, and what it finds. */
async function contents(gallery: Gallery) {
  const entries = await entriesOf(gallery)
  const { data } = await vectorsOf(gallery, entries)
  const queries = await gridEmbed(
    [0, 3, 7].map((i) => ({ source: path.join(shop.folder, `photos/${'abc'[i % 3]}/${i}.png`) })),
    'query',
  )
  const hits = await gallery.search(queries.embeddings, 10)
  return {
    entries: entries.map((entry) => ({ ...entry, source: path.resolve(baseOf(gallery), entry.source!) })),
    vectors: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    hits: hits.map((list) => list.map(({ entry, distance }) => [entry.id, distance])),
  }
}

const oneProcess = async () => {
  const gallery = await shop.open('whole.gallery')
  await shop.index(gallery, 'photos')
  return contents(gallery)
}
async function failure(shards: readonly string[]): Promise<string | undefined> {
  const into = await openGallery(wholeOf('shop.gallery'), { space: gridEncoder.space, dim: gridEncoder.dim })
  try {
    await mergeShards(into, shards)
    return undefined
  } catch (error) {
    expect(await into.count()).toBe(0)
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  } finally {
    await into.close()
  }
}

describe('shards put together', () => {
  it.each([1, 5, 25])('%i: the same ids, vectors, order and results as one process', async (of) => {
    const folders = await allShards(of)
    const into = await shop.open('shop.gallery')
    const merged = await mergeShards(into, folders.reverse())
    expect(merged).toMatchObject({ shards: of, added: IMAGES, replaced: 0, updated: 0, unchanged: 0 })
    expect(merged.skipped.map(({ id, code }) => [id, code])).toEqual([['photos/b/broken.png', 'image/unsupported']])
    expect(await contents(into)).toEqual(await oneProcess())
    expect(await mergeShards(into, folders)).toMatchObject({ added: 0, unchanged: IMAGES })
  })

  it('a shard that was stopped goes on; until then it is named', async () => {
    const [first, second] = await allShards(2)
    await rm(second!, { recursive: true })
    await expect(indexShard(2, 2, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(await failure([first!, second!])).toMatch(/^merge\/shard: .*2-of-2 has no note of a shard/)
    const stop = new AbortController()
    const onProgress = ({ phase }: Progress) => phase === 'index' && stop.abort()
    await expect(indexShard(2, 2, { signal: stop.signal, onProgress })).rejects.toThrow()
    expect(await failure([first!, second!])).toMatch(/^merge\/shard: Of 2 shards one is not finished: 2\./)
    await indexShard(2, 2)
    const into = await shop.open('shop.gallery')
    await mergeShards(into, [first!, second!])
    expect(await contents(into)).toEqual(await oneProcess())
  })

  it('brings a gallery that is there up to date, as indexing does', async () => {
    const into = await shop.open('shop.gallery')
    await mergeShards(into, await allShards(3))
    await into.update([{ id: 'photos/a/0.png', rejected: true }])
    await shop.put('photos/a/3.png', await png('changed'))
    await shop.put('photos/c/new.png', await png('new'))
    expect(await mergeShards(into, await allShards(3))).toMatchObject({
      added: 1,
      replaced: 1,
      unchanged: IMAGES - 1,
    })
    expect((await into.get(['photos/a/0.png']))[0]?.rejected).toBe(true)
    // Images that went to another shard are not in two.
    const shards = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const shard = await openGallery(shardFolder(wholeOf('shop.gallery'), { number, of: 3 }), { mode: 'read' })
        const ids = (await entriesOf(shard)).map(({ id }) => id)
        await shard.close()
        return ids
      }),
    )
    expect(new Set(shards.flat()).size).toBe(shards.flat().length)
  })

  it('that came from another machine still say where their images are', async () => {
    const folders = await allShards(2)
    const elsewhere = folders.map((folder, i) => path.join(shop.folder, 'a/deep/place', `artifact-${i}`))
    for (const [i, folder] of folders.entries()) await cp(folder, elsewhere[i]!, { recursive: true })
    const into = await shop.open('shop.gallery')
    await mergeShards(into, elsewhere)
    expect(await contents(into)).toEqual(await oneProcess())
  })

  it('bring what rerankers keep', async () => {
    const folders = await allShards(2)
    const shard = await openGallery(folders[1]!)
    const { hash } = (await entriesOf(shard))[0]!
    await shard.codes('some-reranker', 'some-key').put([{ hash, code: Uint8Array.of(1, 2, 3) }])
    await shard.close()
    const into = await shop.open('shop.gallery')
    await mergeShards(into, folders)
    expect((await into.codes('some-reranker', 'some-key').get([hash]))[0]).toEqual(Buffer.from([1, 2, 3]))
  })
})

describe('before anything is changed', () => {
  it('missing shards are named', async () => {
    const folders = await allShards(5)
    expect(await failure([folders[0]!, folders[2]!, folders[4]!])).toMatch(
      /^merge\/shard: Of 5 shards 2 are missing: 2, 4\. .* --shard=2\/5/,
    )
    expect(await failure([])).toMatch(/^merge\/shard: There are no shards/)
  })

  it('a shard that is there twice is named, with both places', async () => {
    const [first, second] = await allShards(2)
    const copy = path.join(shop.folder, 'copy')
    await cp(first!, copy, { recursive: true })
    expect(await failure([first!, copy, second!])).toBe(
      `merge/shard: Shard 1 of 2 is there twice: ${first} and ${copy}. Expected: each shard once.`,
    )
    expect(await failure([first!, first!, second!])).toMatch(/Shard 1 of 2 is there twice/)
  })

  it('shards of another division, of another listing, and other galleries are named', async () => {
    const [first, second] = await allShards(2)
    const third = await indexShard(3, 4)
    expect(await failure([first!, third])).toMatch(/is shard 1 of 2, and .* is shard 3 of 4/)
    await shop.put('photos/a/late.png', await png('late'))
    await indexShard(2, 2)
    expect(await failure([first!, second!])).toMatch(/came from another listing \(2[45] images\) than the others/)
    const plain = await shop.open('plain.gallery')
    await shop.index(plain, 'photos')
    expect(await failure([first!, wholeOf('plain.gallery')])).toMatch(/plain\.gallery has no note of a shard/)
  })

  it('a note that is cut off, and vectors of another model', async () => {
    const [first, second] = await allShards(2)
    const note = path.join(second!, 'shard.json')
    const text = await readFile(note, 'utf8')
    await writeFile(note, text.slice(0, 40))
    expect(await failure([first!, second!])).toMatch(/shard\.json is not the note of a shard/)
    await writeFile(note, text)
    const into = await openGallery(wholeOf('other.gallery'), { space: 'other/1', dim: 48 })
    await expect(mergeShards(into, [first!, second!])).rejects.toMatchObject({ code: 'gallery/space' })
    await into.close()
  })

  it('two images with one id stop every shard that lists them', async () => {
    const gallery = await shop.open('twice.gallery')
    const images = [0, 3].map((i) => ({ id: 'same', source: path.join(shop.folder, `photos/a/${i}.png`) }))
    await expect(addImages(gallery, gridEncoder, images, { shard: { number: 1, of: 2 } })).rejects.toMatchObject({
      code: 'index/duplicate-id',
    })
  })
})
