import { createRegistry, type Dataset } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { tempFolder, testContext } from '../test-support/temp-folder.js'
import { coco } from './coco.js'

const file = {
  images: [
    { id: 1, file_name: 'img/a.jpg', width: 20, height: 10 },
    { id: 2, file_name: 'img\\b.jpg', width: 20, height: 10 },
    { id: 3, file_name: 'img/none.jpg', width: 20, height: 10 },
  ],
  categories: [
    { id: 7, name: 'cat', supercategory: 'animal' },
    { id: 9, name: 'bus' },
  ],
  annotations: [
    { id: 11, image_id: 1, category_id: 7, bbox: [5, 2, 10, 4], iscrowd: 0, area: 40 },
    { id: 12, image_id: 1, category_id: 9, bbox: [15, 5, 10, 10] },
    { id: 13, image_id: 2, category_id: 7, bbox: [0, 0, 20, 10], iscrowd: 1 },
    { id: 14, image_id: 2, category_id: 7, bbox: [0, 0, 0, 10] },
    { id: 15, image_id: 2, category_id: 7, bbox: [0, 0, 20, 10] },
  ],
}

async function load(content: unknown, options: object = { test: 'index.json' }) {
  const context = testContext(
    tempFolder({ 'index.json': typeof content === 'string' ? content : JSON.stringify(content) }),
  )
  const { items } = (await createRegistry([coco]).create(
    'dataset',
    { use: 'coco', ...options },
    { ...context, onWarning: context.warn, seed: 0 },
  )) as Dataset
  return { items, warnings: context.warnings }
}

describe('coco', () => {
  it('makes each annotation an item with its box', async () => {
    const { items, warnings } = await load(file)
    expect(items.map(({ id, label, category, split }) => [id, label, category, split])).toEqual([
      ['img/a.jpg#11', 'cat', 'animal', 'test'],
      ['img/a.jpg#12', 'bus', undefined, 'test'],
      ['img/b.jpg#15', 'cat', 'animal', 'test'],
    ])
    expect(items[0]!.box).toEqual({ x: 0.25, y: 0.2, width: 0.5, height: expect.closeTo(0.4, 9) as number })
    expect(items[1]!.box).toEqual({ x: 0.75, y: 0.5, width: 0.25, height: 0.5 })
    expect(warnings.map(({ code, fields }) => [code, fields['names']]).slice(0, 2)).toEqual([
      ['dataset/annotations-left-out', ['13']],
      ['dataset/annotations-left-out', ['14']],
    ])
  })

  it('or each image, with all its labels', async () => {
    const { items } = await load(file, { train: 'index.json', boxes: false })
    expect(items.map(({ id, label, labels }) => [id, label, labels])).toEqual([
      ['img/a.jpg', 'cat', ['cat', 'bus']],
      ['img/b.jpg', 'cat', undefined],
    ])
  })

  it('cuts one file by class', async () => {
    const { items } = await load(file, { file: 'index.json' })
    const splits = new Map(items.map(({ label, split }) => [label, split]))
    expect([...splits.values()].sort()).toEqual(['test', 'train'])
    expect(items.every(({ label, split }) => splits.get(label) === split)).toBe(true)
  })

  it.each([
    ['what is no JSON', '{', 'dataset/bad-json', /index\.json/],
    ['another layout', { images: [] }, 'dataset/bad-coco', /annotations/],
    [
      'a bad box',
      { ...file, annotations: [{ ...file.annotations[0], bbox: [1, 2, 3] }] },
      'dataset/bad-coco',
      /annotations\.0\.bbox/,
    ],
    [
      'an unknown image',
      { ...file, annotations: [{ ...file.annotations[0], image_id: 5 }] },
      'dataset/bad-coco',
      /annotations\.0\.image_id: there is no image 5/,
    ],
    [
      'an unknown category',
      { ...file, annotations: [{ ...file.annotations[0], category_id: 5 }] },
      'dataset/bad-coco',
      /no category 5/,
    ],
    [
      'a path that escapes',
      { ...file, images: [{ ...file.images[0], file_name: '../../a.jpg' }, ...file.images.slice(1)] },
      'dataset/path-outside',
      /\.\.\/\.\.\/a\.jpg/,
    ],
    ['no annotations', { ...file, annotations: [] }, 'dataset/empty', /no annotations/],
  ])('refuses %s', async (_, content, code, message) => {
    await expect(load(content)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it('needs one kind of file', async () => {
    await expect(load(file, {})).rejects.toThrow(/give file, or files by split/)
    await expect(load(file, { file: 'index.json', test: 'index.json' })).rejects.toThrow(/give file/)
  })
})
