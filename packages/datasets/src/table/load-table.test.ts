import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DatasetItem } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { greyImage, tempFolder, testContext } from '../test-support/temp-folder.js'
import { loadCsv } from './load-table.js'
import { type CsvOptions, csvSchema } from './table-options.js'

async function load(text: string, given: object = {}, files: Readonly<Record<string, Uint8Array>> = {}) {
  const context = testContext(tempFolder({ 'data/index.csv': text, ...files }))
  const dataset = await loadCsv(csvSchema.parse({ file: 'data/index.csv', ...given }) as CsvOptions, context)
  return { items: dataset.items, warnings: context.warnings, folder: context.folder }
}

const roles = (items: readonly DatasetItem[]) =>
  items.map(({ id, split, isQuery, isGallery }) => [id, split, isQuery, isGallery])

describe('loadCsv', () => {
  it('reads the layout of open-metric-learning', async () => {
    const { items, warnings, folder } = await load(
      'label,path,split,is_query,is_gallery,category,sequence\n' +
        'cat,a.jpg,train,,,animal,\n' +
        'dog,"b, c.jpg",validation,True,False,animal,walk\n' +
        'dog,d.jpg,validation,False,True,,\n',
    )
    expect(roles(items)).toEqual([
      ['a.jpg', 'train', true, true],
      ['b, c.jpg', 'validation', true, false],
      ['d.jpg', 'validation', false, true],
    ])
    expect(items[1]).toMatchObject({
      source: `${folder}/data/b, c.jpg`,
      label: 'dog',
      category: 'animal',
      sequence: 'walk',
    })
    expect(items[2]!.category).toBeUndefined()
    expect(items.some((item) => item.box)).toBe(false)
    expect(warnings).toEqual([])
  })

  it('turns pixel boxes into fractions of the upright image', async () => {
    const { items } = await load(
      'label,path,split,x_1,x_2,y_1,y_2\na,wide.png,train,5,15,0,5\na,turned.jpg,train,5,15,0,5\na,wide.png,train,,,,\na,wide.png,train,0,999,0,10\n',
      {},
      { 'data/wide.png': await greyImage(20, 10), 'data/turned.jpg': await greyImage(10, 20, 6) },
    )
    const box = { x: 0.25, y: 0, width: 0.5, height: 0.5 }
    expect(items.map((item) => item.box)).toEqual([box, box, undefined, { x: 0, y: 0, width: 1, height: 1 }])
    expect(items.map(({ id }) => id)).toEqual([
      'wide.png#5,15,0,5',
      'turned.jpg#5,15,0,5',
      'wide.png',
      'wide.png#0,999,0,10',
    ])
  })

  it('reads boxes in fractions, or leaves them', async () => {
    const text = 'label,path,split,bx,by,bw,bh\na,1.jpg,train,0.25,0.5,0.75,0.5004\n'
    const columns = { box: { unit: 'fractions', x: 'bx', y: 'by', width: 'bw', height: 'bh' } }
    expect((await load(text, { columns })).items[0]!.box).toEqual({ x: 0.25, y: 0.5, width: 0.75, height: 0.5 })
    expect((await load(text, { columns, boxes: false })).items[0]!.box).toBeUndefined()
    await expect(load(text.replace('0.5004', '60'), { columns })).rejects.toMatchObject({
      code: 'dataset/bad-box',
      fields: { line: 2 },
    })
  })

  it('makes splits from columns: ranges of leading numbers, values, queries and gallery', async () => {
    const text =
      'path,label,split\na.jpg,001.Auk,x\nb.jpg,025.Gull,x\nc.jpg,026.Tern,test\nd.jpg,026.Tern,icon\ne.jpg,200.Owl,test\nf.jpg,nothing,x\n'
    const { items, warnings } = await load(text, {
      splits: {
        train: { where: { label: { from: 1, to: 25 } } },
        test: {
          where: { label: { from: 26, to: 200 }, split: ['test', 'icon'] },
          query: { split: 'test' },
          gallery: { split: 'icon' },
        },
      },
      metadata: ['split'],
    })
    expect(roles(items)).toEqual([
      ['a.jpg', 'train', true, true],
      ['b.jpg', 'train', true, true],
      ['c.jpg', 'test', true, false],
      ['d.jpg', 'test', false, true],
      ['e.jpg', 'test', true, false],
    ])
    expect(items[3]!.metadata).toEqual({ split: 'icon' })
    expect(warnings.map(({ code }) => code)).toEqual(['dataset/rows-left-out', 'dataset/queries-without-gallery'])
    expect(warnings[1]!.fields).toMatchObject({ labels: ['200.Owl'], queries: 1 })
  })

  it('cuts validation classes from training', async () => {
    const rows = Array.from({ length: 20 }, (_, at) => `${at}.jpg,class ${at % 10},train`)
    const { items } = await load(`path,label,split\n${rows.join('\n')}\n`, { validation: 0.2 })
    const labels = (split: string) => new Set(items.filter((item) => item.split === split).map(({ label }) => label))
    expect([labels('train').size, labels('validation').size]).toEqual([8, 2])
    expect([...labels('train')].some((label) => labels('validation').has(label))).toBe(false)
  })

  it.each([
    [
      'missing columns',
      'path,lable,split\na,b,train\n',
      {},
      'dataset/missing-columns',
      /no column label; it has path, lable, split.*Did you mean lable/,
    ],
    ['no split', 'path,label\na,b\n', {}, 'dataset/missing-columns', /no column split.*option splits/],
    [
      'unknown split',
      'path,label,split\na,b,train\nc,d,holdout\n',
      {},
      'dataset/bad-split',
      /index\.csv:3: the split is "holdout"/,
    ],
    ['empty label', 'path,label,split\na,,train\n', {}, 'dataset/missing-label', /index\.csv:2/],
    ['empty path', 'path,label,split\n,b,train\n', {}, 'dataset/missing-path', /index\.csv:2/],
    [
      'duplicate ids',
      'path,label,split\na,b,train\na,c,train\n',
      {},
      'dataset/duplicate-id',
      /1 ids more than once: a/,
    ],
    [
      'a path that escapes',
      'path,label,split\n../../etc/passwd,b,train\n',
      {},
      'dataset/path-outside',
      /index\.csv:2: \.\.\/\.\.\/etc\/passwd leads out of/,
    ],
    [
      'an absolute path elsewhere',
      'path,label,split\n/etc/passwd,b,train\n',
      {},
      'dataset/path-outside',
      /option root/,
    ],
    ['a bad role', 'path,label,split,is_query\na,b,train,maybe\n', {}, 'dataset/bad-value', /is_query is "maybe"/],
    ['a bad box', 'path,label,split,x_1,x_2,y_1,y_2\na,b,train,1,2,x,4\n', {}, 'dataset/bad-box', /index\.csv:2/],
    ['half a box', 'path,label,split,x_1,x_2\na,b,train,1,2\n', {}, 'dataset/missing-columns', /y_1, y_2/],
    ['no rows', 'path,label,split\n', {}, 'dataset/empty', /no rows/],
    ['ragged rows', 'path,label,split\na,b\n', {}, 'dataset/bad-csv', /index\.csv is not a readable CSV/],
    ['a column twice', 'path,path,label\na,b,c\n', {}, 'dataset/bad-csv', /column path appears twice/],
    [
      'a value that no row has',
      'path,label,split\na,b,test\n',
      { splits: { test: { where: { split: 'tets' } } } },
      'dataset/unknown-value',
      /"tets" in the column split.*Did you mean "test"/,
    ],
    [
      'a rule on no column',
      'path,label,split\na,b,test\n',
      { splits: { test: { where: { part: 'test' } } } },
      'dataset/missing-columns',
      /part/,
    ],
    [
      'a split without rows',
      'path,label,split\na,1,test\n',
      { splits: { test: { where: { label: { from: 5, to: 9 } } } } },
      'dataset/empty-split',
      /in the split test/,
    ],
    [
      'a row in two splits',
      'path,label,split\na,1,x\n',
      { splits: { train: { where: {} }, test: { where: { split: 'x' } } } },
      'dataset/two-splits',
      /train and test/,
    ],
    [
      'an image without size',
      'path,label,split,x_1,x_2,y_1,y_2\na.jpg,b,train,1,2,3,4\n',
      {},
      'dataset/image-size',
      /a\.jpg/,
    ],
  ])('refuses %s', async (_, text, options, code, message) => {
    await expect(load(text, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('refuses a box outside its image', async () => {
    const text = 'path,label,split,x_1,x_2,y_1,y_2\na.png,b,train,30,40,0,5\n'
    await expect(load(text, {}, { 'data/a.png': await greyImage(20, 10) })).rejects.toMatchObject({
      code: 'dataset/box-outside',
    })
  })

  it('names a file that is not there or is a folder', async () => {
    const context = testContext(tempFolder({ 'data/index.csv': 'x' }))
    const of = (file: string) => loadCsv(csvSchema.parse({ file }) as CsvOptions, context)
    await expect(of('gone.csv')).rejects.toMatchObject({
      code: 'dataset/unreadable',
      message: expect.stringContaining('gone.csv'),
    })
    await expect(of('data')).rejects.toMatchObject({
      code: 'dataset/unreadable',
      message: expect.stringContaining('it is a folder'),
    })
  })

  it('treats missing images as told', async () => {
    const text = 'path,label,split\nhere.png,a,train\ngone.png,a,train\nhttp://example.org/x.png,a,train\n'
    const files = { 'data/here.png': await greyImage(2, 2) }
    expect((await load(text, {}, files)).items).toHaveLength(3)
    await expect(load(text, { missingImages: 'fail' }, files)).rejects.toMatchObject({
      code: 'dataset/missing-images',
      message: expect.stringContaining('gone.png'),
    })
    const skipped = await load(text, { missingImages: 'skip' }, files)
    expect(skipped.items.map(({ id }) => id)).toEqual(['here.png', 'http://example.org/x.png'])
    expect(skipped.warnings).toMatchObject([{ code: 'dataset/missing-images' }])
  })
})

const shared = fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

describe.skipIf(!existsSync(shared))('loadCsv on real indexes (skipped where ../shared/data is absent)', () => {
  const of = async (given: object) => {
    const context = testContext(shared)
    return { ...(await loadCsv(csvSchema.parse(given) as CsvOptions, context)), warnings: context.warnings }
  }
  const count = (items: readonly DatasetItem[], split: string) => items.filter((item) => item.split === split).length

  it('splits cub-50 by label range', async () => {
    const { items, warnings } = await of({
      file: 'cub-50/index.csv',
      splits: { train: { where: { label: { from: 1, to: 25 } } }, test: { where: { label: { from: 26, to: 50 } } } },
      columns: { box: { unit: 'fractions', x: 'bbox_x', y: 'bbox_y', width: 'bbox_w', height: 'bbox_h' } },
      missingImages: 'fail',
    })
    expect([count(items, 'train'), count(items, 'test')]).toEqual([1402, 1487])
    expect(items.every(({ box }) => box !== undefined)).toBe(true)
    expect(warnings).toEqual([])
  })

  it('searches the catalogue of grocery-store with shop photos', async () => {
    const { items, warnings } = await of({
      file: 'grocery-store/index.csv',
      columns: { category: 'coarse_label' },
      splits: {
        train: { where: { split: 'train' } },
        validation: { where: { split: 'val' } },
        test: { where: { split: ['test', 'iconic'] }, query: { split: 'test' }, gallery: { split: 'iconic' } },
      },
    })
    const test = items.filter(({ split }) => split === 'test')
    expect([test.filter(({ isQuery }) => isQuery).length, test.filter(({ isGallery }) => isGallery).length]).toEqual([
      2485, 81,
    ])
    expect(items.every(({ category }) => category !== undefined)).toBe(true)
    // Some products have one validation photo.
    expect(warnings.every(({ fields }) => fields['split'] === 'validation')).toBe(true)
  })
})
