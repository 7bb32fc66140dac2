import { existsSync } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { createEmbeddings, createRandom, type Gallery } from '@lookalike/core'
import { encodePng, entryImages } from '@lookalike/image'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drawing, openShop, type Shop } from '../testing/shop.js'
import { clusterImages } from './cluster-images.js'
import { kMeans, silhouette } from './k-means.js'
import { clustersCsv, placeClusters } from './place-clusters.js'

const SPACE = 's'
/** Directions around so many axes. */
function blobs(count: number, each: number) {
  const random = createRandom('blobs')
  const data = Float32Array.from({ length: count * each * count }, (_, i) => {
    const axis = Math.floor(i / (each * count))
    return (i % count === axis ? 1 : 0) + 0.1 * random.normal()
  })
  return createEmbeddings({ data, rows: count * each, dim: count, space: SPACE, role: 'any' })
}

it('k-means finds what is there, the same each time, whatever the lengths', async () => {
  const points = blobs(5, 12)
  const scaled = createEmbeddings({ ...points, data: points.data.map((v, i) => v * (1 + (Math.floor(i / 5) % 7))) })
  const found = await kMeans(scaled, 5, 0)
  for (let blob = 0; blob < 5; blob++)
    expect(new Set(found.clusters.subarray(blob * 12, blob * 12 + 12)).size, `blob ${blob}`).toBe(1)
  expect(new Set(found.clusters).size).toBe(5)
  expect(await kMeans(scaled, 5, 0)).toEqual(found)
  const right = silhouette(scaled, found)
  expect(right).toBeGreaterThan(0.8)
  expect(silhouette(scaled, await kMeans(scaled, 2, 0))).toBeLessThan(right)
  expect(silhouette(scaled, await kMeans(scaled, 11, 0))).toBeLessThan(right)
})

describe('of a gallery', () => {
  let shop: Shop
  let gallery: Gallery
  beforeEach(async () => {
    shop = await openShop()
    for (const kind of ['red', 'green', 'blue'])
      for (let i = 0; i < 5; i++) {
        const { data, ...size } = drawing(kind)
        const varied = data.map((value, at) => (at % 97 === i ? 255 - value : value))
        await shop.put(`photos/${kind}/${i}.png`, await encodePng({ data: varied, ...size }))
      }
    gallery = await shop.open()
    await shop.index(gallery, 'photos')
  })
  afterEach(() => shop.close())

  const kindsOf = ({ clusters }: Awaited<ReturnType<typeof clusterImages>>) =>
    clusters.map(({ images }) => [...new Set(images.map(({ entry }) => entry.metadata!['label']))])

  it('chooses how many clusters there are', async () => {
    const found = await clusterImages(gallery)
    expect(kindsOf(found).map(String).sort()).toEqual(['blue', 'green', 'red'])
    expect(found.tried.map(({ k }) => k)).toEqual([2, 3, 5])
    expect(found.clusters[0]!.images[0]!.distance).toBeLessThanOrEqual(found.clusters[0]!.images[4]!.distance)
  })

  it('puts them into folders, all or none', async () => {
    const found = await clusterImages(gallery, { k: 3 })
    const to = path.join(shop.folder, 'sorted')
    const imageOf = entryImages(gallery)
    const controller = new AbortController()
    const stopped = placeClusters(found, to, {
      imageOf,
      signal: controller.signal,
      onProgress: ({ done }) => done === 4 && controller.abort(new Error('stop')),
    })
    await expect(stopped).rejects.toThrow('stop')
    expect((await readdir(shop.folder)).sort()).toEqual(['gallery', 'photos'])

    expect(await placeClusters(found, to, { imageOf })).toEqual({ folder: to, images: 15, left: [] })
    expect(await readdir(to)).toEqual(['cluster-01', 'cluster-02', 'cluster-03'])
    const label = String(found.clusters[0]!.images[0]!.entry.metadata!['label'])
    expect((await readdir(path.join(to, 'cluster-01'))).sort()).toEqual(['0.png', '1.png', '2.png', '3.png', '4.png'])
    expect(await readFile(path.join(to, 'cluster-01/3.png'))).toEqual(
      await readFile(path.join(shop.folder, `photos/${label}/3.png`)),
    )
    await expect(placeClusters(found, to, { imageOf })).rejects.toMatchObject({ code: 'cluster/exists' })

    const links = path.join(shop.folder, 'links')
    await placeClusters(found, links, { imageOf, as: 'link' })
    expect((await lstat(path.join(links, 'cluster-01/0.png'))).isSymbolicLink()).toBe(true)
    expect(existsSync(path.join(links, 'cluster-01/0.png'))).toBe(true)
  })

  it('leaves nothing outside its folder, whatever the ids', async () => {
    await gallery.update([{ id: 'photos/red/0.png', source: '../../etc/passwd' }])
    const found = await clusterImages(gallery, { k: 2 })
    const { left } = await placeClusters(found, path.join(shop.folder, 'sorted'), {
      imageOf: entryImages(gallery),
    })
    expect(left).toEqual(['photos/red/0.png'])
  })

  it.each([0, 16, 1.5])('refuses %s clusters', async (k) => {
    await expect(clusterImages(gallery, { k })).rejects.toMatchObject({ code: 'cluster/k' })
  })
})

it('a table that a spreadsheet takes for no formula', () => {
  const entry = { id: '=cmd|"x"!A0', hash: 'h', rejected: false, position: 0, metadata: { label: 'a,b' } }
  expect(clustersCsv({ clusters: [{ images: [{ entry, distance: 0.5 }] }] })).toBe(
    'cluster,id,distance,label\r\ncluster-01,"\'=cmd|""x""!A0",0.500000,"a,b"\r\n',
  )
})
