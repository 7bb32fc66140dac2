import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Combined,
  createEmbeddings,
  createRandom,
  type Embeddings,
  galleryEntries,
  type Model,
} from '@lookalike/core'
import { folderStore, openGallery } from '@lookalike/gallery'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { upgradeGallery } from './upgrade-gallery.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'upgrade-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const heavy = { name: 'heavy', space: 'heavy space', dim: 3 }

/** A model whose gallery vectors are the first `dim` values of the member's, `scale` times. */
function modelOf(
  space: string,
  dim: number,
  scale: number,
  members = [heavy],
): Model & Required<Pick<Model, 'members' | 'fromMembers'>> {
  const fromMembers = async (given: Readonly<Record<string, Embeddings>>): Promise<Combined<'gallery'>> => {
    const { data, rows } = given['heavy']!
    const combined = Float32Array.from(
      { length: rows * dim },
      (_, i) => scale * data[Math.floor(i / dim) * 3 + (i % dim)]!,
    )
    return {
      embeddings: createEmbeddings({ data: combined, rows, dim, space, role: 'gallery' }),
      uncertainty: Float32Array.from({ length: rows }, (_, row) => scale * row),
    }
  }
  return {
    name: 'test',
    dim,
    space,
    symmetric: false,
    members,
    fromMembers,
    embed: () => Promise.reject(new Error('no images here')),
    dispose: async () => undefined,
  }
}

const items = Array.from({ length: 9 }, (_, i) => ({ id: `image ${i}`, hash: String(i) }))
const random = createRandom(0)
const kept = createEmbeddings({
  data: Float32Array.from({ length: 27 }, () => random.normal()),
  rows: 9,
  dim: 3,
  space: heavy.space,
  role: 'any',
})

async function fill(at: string, model: ReturnType<typeof modelOf>) {
  const gallery = await openGallery(at, { space: model.space, dim: model.dim, members: model.members })
  const { embeddings, uncertainty } = await model.fromMembers({ heavy: kept })
  await gallery.add(
    items.map((item, row) => ({ ...item, uncertainty: uncertainty![row]! })),
    { embeddings, members: { heavy: kept } },
  )
  return gallery
}

async function contents(at: string, { space, dim }: Model) {
  const gallery = await openGallery(at, { space, dim, mode: 'read' })
  const entries = await galleryEntries(gallery)
  const vectors = await gallery.vectors(entries.map(({ id }) => id))
  await gallery.close()
  return { entries, data: vectors.data, space: vectors.space }
}

const older = modelOf('older', 2, 1)
const newer = modelOf('newer', 3, 2)

it('gives the same gallery as indexing again, without any image', async () => {
  await (await fill(path.join(folder, 'a'), older)).close()
  await (await fill(path.join(folder, 'b'), newer)).close()
  expect(await upgradeGallery(folderStore(path.join(folder, 'a')), newer)).toEqual({ images: 9, changed: true })
  expect(await contents(path.join(folder, 'a'), newer)).toEqual(await contents(path.join(folder, 'b'), newer))
  expect(await upgradeGallery(folderStore(path.join(folder, 'a')), newer)).toEqual({ images: 9, changed: false })
})

it('a failure leaves the old gallery as it was, and readers of it go on', async () => {
  await (await fill(folder, older)).close()
  const before = await contents(folder, older)
  const reader = await openGallery(folder, { space: older.space, dim: older.dim, mode: 'read' })
  await expect(
    upgradeGallery(folderStore(folder), { ...newer, fromMembers: () => Promise.reject(new Error('broken')) }),
  ).rejects.toThrow('broken')
  expect(await contents(folder, older)).toEqual(before)
  await upgradeGallery(folderStore(folder), newer)
  const queries = createEmbeddings({ data: Float32Array.of(1, 0), rows: 1, dim: 2, space: older.space, role: 'query' })
  expect((await reader.search(queries, 3))[0]).toHaveLength(3)
  await reader.close()
})

it('says what is missing', async () => {
  await (await fill(folder, older)).close()
  const other = modelOf('newer', 3, 2, [{ ...heavy, space: 'another model' }])
  await expect(upgradeGallery(folderStore(folder), other)).rejects.toMatchObject({
    code: 'upgrade/members',
    fields: { missing: ['heavy'] },
  })
  const { members: _, fromMembers: __, ...plain } = newer
  await expect(upgradeGallery(folderStore(folder), plain)).rejects.toMatchObject({ code: 'upgrade/model' })
  await expect(upgradeGallery(folderStore(path.join(folder, 'nothing')), newer)).rejects.toMatchObject({
    code: 'gallery/not-found',
  })
})
