import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DatasetItem } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { greyImage, tempFolder, testContext } from '../test-support/temp-folder.js'
import { loadCars } from './cars-196.js'
import { loadCub } from './cub-200-2011.js'
import { loadInShop } from './in-shop.js'
import { loadSop } from './stanford-online-products.js'

const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url))
const defaults = { root: '.', validation: 0, seed: 0, missingImages: 'later', boxes: false } as const
const parts = (items: readonly DatasetItem[]) => items.map(({ label, split }) => `${label} ${split}`)

describe('cub-200-2011', () => {
  const layout = async () => ({
    'images.txt':
      '1 001.Auk/a_1.png\n2 001.Auk/a_2.png\n3 100.Pelican/p_1.png\n4 101.Pewee/w_1.png\n5 101.Pewee/w_2.png\n',
    'image_class_labels.txt': '1 1\n2 1\n3 100\n4 101\n5 101\n',
    'classes.txt': '1 001.Auk\n100 100.Pelican\n101 101.Pewee\n',
    'bounding_boxes.txt': ['1 5.0 0.0 10.0 5.0', '2 0 0 20 10', '3 0 0 20 10', '4 0 0 20 10', '5 0 0 20 10'].join('\n'),
    ...Object.fromEntries(
      await Promise.all(
        ['001.Auk/a_1', '001.Auk/a_2', '100.Pelican/p_1', '101.Pewee/w_1', '101.Pewee/w_2'].map(
          async (name) => [`images/${name}.png`, await greyImage(20, 10)] as const,
        ),
      ),
    ),
  })

  it('splits classes 1-100 from 101-200, in the folder or the one above', async () => {
    const folder = tempFolder(await layout())
    const { items } = await loadCub({ ...defaults, missingImages: 'fail', boxes: true }, testContext(folder))
    expect(parts(items)).toEqual([
      '001.Auk train',
      '001.Auk train',
      '100.Pelican train',
      '101.Pewee test',
      '101.Pewee test',
    ])
    expect(items[0]!.box).toEqual({ x: 0.25, y: 0, width: 0.5, height: 0.5 })
    const above = tempFolder(
      Object.fromEntries(Object.entries(await layout()).map(([path, text]) => [`CUB_200_2011/${path}`, text])),
    )
    const { items: same } = await loadCub(defaults, testContext(above))
    expect(same.map(({ id }) => id)).toEqual(items.map(({ id }) => id))
    expect(same[0]!.box).toBeUndefined()
  })

  it('cuts validation classes from the training classes', async () => {
    const { items } = await loadCub({ ...defaults, validation: 0.5 }, testContext(tempFolder(await layout())))
    expect(new Set(parts(items).filter((part) => /train|validation/.test(part))).size).toBe(2)
    expect(parts(items).slice(3)).toEqual(['101.Pewee test', '101.Pewee test'])
  })

  it('names what is wrong', async () => {
    const files = await layout()
    const of = (change: object) => loadCub(defaults, testContext(tempFolder({ ...files, ...change })))
    await expect(of({ 'image_class_labels.txt': '1 1\n' })).rejects.toMatchObject({
      code: 'dataset/unknown-label',
      fields: { line: 2 },
    })
    await expect(of({ 'images.txt': '1 a b\n' })).rejects.toMatchObject({
      code: 'dataset/bad-line',
      fields: { line: 1 },
    })
    await expect(of({ 'images.txt': '1 ../../x.jpg\n' })).rejects.toMatchObject({ code: 'dataset/path-outside' })
    await expect(loadCub(defaults, testContext(tempFolder()))).rejects.toMatchObject({
      code: 'dataset/layout',
      message: expect.stringContaining('images.txt'),
    })
  })
})

describe('cars-196', () => {
  it('reads the layout with one annotation file', async () => {
    const { items } = await loadCars(defaults, testContext(join(fixtures, 'cars-one-file')))
    expect(parts(items)).toEqual(['1 train', '98 train', '98 train', '99 test', '196 test', '99 test'])
    expect(items[0]!.id).toBe('car_ims/000001.jpg')
  })

  it('reads the layout with a devkit, and boxes', async () => {
    const image = await greyImage(24, 16)
    const folder = tempFolder(
      Object.fromEntries(
        ['cars_train/00001', 'cars_train/00002', 'cars_train/00003', 'cars_test/00001', 'cars_test/00002'].map(
          (name) => [`${name}.jpg`, image],
        ),
      ),
    )
    cpSync(join(fixtures, 'cars-devkit'), folder, { recursive: true })
    const { items } = await loadCars({ ...defaults, boxes: true, missingImages: 'fail' }, testContext(folder))
    expect(items.map(({ id, split }) => `${id} ${split}`)).toEqual([
      'cars_train/00001.jpg train',
      'cars_train/00002.jpg train',
      'cars_train/00003.jpg test',
      'cars_test/00001.jpg test',
      'cars_test/00002.jpg train',
    ])
    const { x, y, width, height } = items[0]!.box!
    expect([x * 24, y * 16, width * 24, height * 16].map((value) => Math.round(value * 1e9) / 1e9)).toEqual([
      1, 2, 12, 7,
    ])
  })

  it('takes the training half alone, and says so', async () => {
    const folder = tempFolder(
      Object.fromEntries(['00001', '00002', '00003'].map((name) => [`cars_train/${name}.jpg`, 'an image'])),
    )
    cpSync(join(fixtures, 'cars-devkit/devkit'), join(folder, 'devkit'), { recursive: true })
    const context = testContext(folder)
    const { items } = await loadCars(defaults, context)
    expect(items.map(({ id }) => id)).toEqual(['00001', '00002', '00003'].map((name) => `cars_train/${name}.jpg`))
    expect(context.warnings[0]).toMatchObject({ code: 'dataset/half', fields: { images: 3 } })
  })

  it('names what is missing or no annotation', async () => {
    const folder = tempFolder({ 'cars_annos.mat': 'nothing of the kind' })
    await expect(loadCars(defaults, testContext(folder))).rejects.toMatchObject({
      code: 'dataset/bad-mat',
      message: expect.stringContaining('cars_annos.mat'),
    })
    const trainOnly = tempFolder()
    cpSync(join(fixtures, 'cars-devkit/devkit'), join(trainOnly, 'devkit'), { recursive: true })
    mkdirSync(join(trainOnly, 'cars_test'))
    await expect(loadCars(defaults, testContext(trainOnly))).rejects.toMatchObject({
      code: 'dataset/layout',
      message: expect.stringContaining('withlabels'),
    })
    const other = tempFolder()
    cpSync(join(fixtures, 'values.mat'), join(other, 'cars_annos.mat'))
    await expect(loadCars(defaults, testContext(other))).rejects.toMatchObject({ code: 'dataset/bad-annotations' })
  })
})

describe('stanford-online-products', () => {
  const header = 'image_id class_id super_class_id path\n'
  it('reads both lists, with super classes as categories', async () => {
    const folder = tempFolder({
      'Stanford_Online_Products/Ebay_train.txt': `${header}1 1 1 bicycle_final/1_0.JPG\n2 1 1 bicycle_final/1_1.JPG\n`,
      'Stanford_Online_Products/Ebay_test.txt': `${header}3 11319 2 chair_final/2_0.JPG\n4 11319 2 chair_final/2_1.JPG\n`,
    })
    const context = testContext(folder)
    const { items } = await loadSop(defaults, context)
    expect(parts(items)).toEqual(['1 train', '1 train', '11319 test', '11319 test'])
    expect(items[2]).toMatchObject({
      category: 'chair',
      source: join(folder, 'Stanford_Online_Products/chair_final/2_0.JPG'),
    })
    expect(context.warnings).toEqual([])
    await expect(loadSop({ ...defaults, missingImages: 'fail' }, context)).rejects.toMatchObject({
      code: 'dataset/missing-images',
    })
  })
})

describe('in-shop', () => {
  const rows =
    'img/WOMEN/Dresses/id_1/01_1_front.jpg id_1 train\nimg/MEN/Denim/id_2/01_1_front.jpg id_2 query\nimg/MEN/Denim/id_2/01_2_side.jpg id_2 gallery\n'
  it('tells train, query and gallery apart', async () => {
    const folder = tempFolder({ 'Eval/list_eval_partition.txt': `3\nimage_name item_id evaluation_status\n${rows}` })
    const { items } = await loadInShop(defaults, testContext(folder))
    expect(items.map(({ split, isQuery, isGallery }) => [split, isQuery, isGallery])).toEqual([
      ['train', true, true],
      ['test', true, false],
      ['test', false, true],
    ])
    expect(items[1]).toMatchObject({
      label: 'id_2',
      category: 'MEN/Denim',
      source: join(folder, 'Img/img/MEN/Denim/id_2/01_1_front.jpg'),
    })
  })

  it('warns of queries that nothing answers and refuses other words', async () => {
    const file = (text: string) =>
      testContext(
        tempFolder({ 'list_eval_partition.txt': `3\nimage_name item_id evaluation_status\n${text}`, 'img/x': '' }),
      )
    const context = file(rows.replace('gallery', 'query'))
    await loadInShop(defaults, context)
    expect(context.warnings).toMatchObject([{ code: 'dataset/queries-without-gallery', fields: { labels: ['id_2'] } }])
    await expect(loadInShop(defaults, file(rows.replace('gallery', 'probe')))).rejects.toMatchObject({
      code: 'dataset/bad-split',
      fields: { line: 5 },
    })
  })
})
