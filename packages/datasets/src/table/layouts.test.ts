import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRegistry, type Dataset, type DatasetItem } from '@lookalike/core'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import plugins from '../index.js'
import { greyImage, tempFolder, testContext } from '../test-support/temp-folder.js'

type Files = Readonly<Record<string, string | Uint8Array>>

async function load(use: string, files: Files, options: object = {}, file = Object.keys(files)[0]!) {
  const context = testContext(tempFolder(files))
  const { items } = (await createRegistry(plugins).create(
    'dataset',
    { use, file, ...options },
    { ...context, onWarning: context.warn, seed: 0 },
  )) as Dataset
  return { items, warnings: context.warnings.map(({ code }) => code), folder: context.folder }
}
const csv = (text: string | Uint8Array, options: object = {}, files: Files = {}) =>
  load('csv', { 'index.csv': text, ...files }, options)
const brief = (items: readonly DatasetItem[]) => items.map(({ id, label, split }) => `${id} ${label} ${split}`)
const fixture = (name: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../fixtures/csv/${name}`, import.meta.url))))
const two = ['a.jpg cat train', 'b.jpg dog test']

describe('tables as people write them', () => {
  it.each([
    ['semicolons', 'path;label;split\na.jpg;cat;train\nb.jpg;dog;test\n'],
    ['tabs', 'path\tlabel\tsplit\na.jpg\tcat\ttrain\nb.jpg\tdog\ttest\n'],
    ['bars', 'path|label|split\na.jpg|cat|train\nb.jpg|dog|test\n'],
    ['an empty cell before a tab', 'note\tpath\tlabel\tsplit\n\ta.jpg\tcat\ttrain\nx\tb.jpg\tdog\ttest\n'],
    ['other separators in quotes', '"path";"label";"split";"a, b, c, d, e"\na.jpg;cat;train;1\nb.jpg;dog;test;2\n'],
    ["Excel's line for the separator", 'sep=;\r\npath;label;split\r\na.jpg;cat;train\r\nb.jpg;dog;test\r\n'],
    ['line breaks of Windows', 'path,label,split\r\na.jpg,cat,train\r\nb.jpg,dog,test\r\n'],
    ['line breaks of old Macs', 'path,label,split\ra.jpg,cat,train\rb.jpg,dog,test\r'],
    ['line breaks of two kinds', 'path,label,split\r\na.jpg,cat,train\nb.jpg,dog,test\r\n'],
    ['no line break at the end', 'path,label,split\na.jpg,cat,train\nb.jpg,dog,test'],
    ['separators at the ends', 'path,label,split,,\na.jpg,cat,train,,\nb.jpg,dog,test,,\n,,,,\n'],
    ['separators behind the rows alone', 'path,label,split\na.jpg,cat,train,\nb.jpg,dog,test,,\n'],
    ['headers in other case', 'Path, LABEL ,Split\na.jpg,cat,Train\nb.jpg,dog,TEST\n'],
    ['other usual names', 'file_name,class,subset\na.jpg,cat,train\nb.jpg,dog,test\n'],
    ['paths written otherwise', 'path,label,split\n./a.jpg,cat,train\nx/../b.jpg,dog,test\n'],
    ['a mark in front', '\ufeffpath,label,split\na.jpg,cat,train\nb.jpg,dog,test\n'],
  ])('reads %s', async (_, text) => {
    const { items, warnings } = await csv(text)
    expect(brief(items)).toEqual(two)
    expect(warnings).toEqual(['dataset/queries-without-gallery'])
  })

  it('reads UTF-16', async () => {
    const text = 'path;label;split\r\na.jpg;fiancé;train\r\n'
    const bytes = new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le'))
    expect(brief((await csv(bytes)).items)).toEqual(['a.jpg fiancé train'])
  })

  it('keeps quoted line breaks and quotes, and still counts lines', async () => {
    const text = 'path,label,split\n"a.jpg","two\nlines ""quoted""",train\nb.jpg,dog,sometimes\n'
    await expect(csv(text)).rejects.toMatchObject({ code: 'dataset/bad-split', fields: { line: 4 } })
    expect((await csv(text.replace('sometimes', 'test'))).items[0]!.label).toBe('two\nlines "quoted"')
  })

  it('counts lines from the top where the first one names the separator', async () => {
    await expect(csv('sep=;\npath;label;split\na.jpg;;train\n')).rejects.toMatchObject({ fields: { line: 3 } })
  })

  it('takes numbers as labels, as they are written', async () => {
    const { items } = await csv('path,label,split\na.jpg,007,train\nb.jpg,7,train\nc.jpg,7.0,train\n')
    expect(items.map(({ label }) => label)).toEqual(['007', '7', '7.0'])
  })

  it.each([
    [
      'a first line that is an image',
      'a.jpg,cat,train\nb.jpg,dog,test\n',
      'dataset/no-header',
      /index\.csv:1: .*a\.jpg/,
    ],
    [
      'a header in another language',
      'chemin,étiquette,split\na.jpg,cat,train\nb.jpg,dog,test\n',
      'dataset/missing-columns',
      /column chemin holds paths: map it/,
    ],
    [
      'cells beyond the header',
      'path,label,split\na.jpg,cat,train,extra\n',
      'dataset/bad-csv',
      /index\.csv:2: the row has 4 cells, the header 3/,
    ],
    ['an open quote', 'path,label,split\n"a.jpg,cat,train\nb.jpg,dog,test\n', 'dataset/bad-csv', /index\.csv:/],
    ['a file of the disk', 'path,label,split\nfile:///etc/passwd,cat,train\n', 'dataset/path-outside', /index\.csv:2/],
    [
      'a folder above, with backslashes',
      'path,label,split\n..\\..\\x.jpg,cat,train\n',
      'dataset/path-outside',
      /index\.csv:2/,
    ],
    ['a drive', 'path,label,split\nC:\\photos\\x.jpg,cat,train\n', 'dataset/path-outside', /index\.csv:2/],
    [
      'another protocol',
      'path,label,split\nftp://example.org/x.jpg,cat,train\n',
      'dataset/path-outside',
      /index\.csv:2/,
    ],
  ])('refuses %s', async (_, text, code, message) => {
    await expect(csv(text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it('finds names in the other form of their letters, on the disk', async () => {
    const [one, other] = ['café/é.png'.normalize('NFC'), 'café/é.png'.normalize('NFD')]
    for (const [written, lies] of [
      [one, other],
      [other, one],
      [one, one],
    ] as const) {
      const { items, folder } = await csv(`path,label,split\n${written},cat,train\n`, {}, { [lies]: 'x' })
      expect(items[0]).toMatchObject({ id: lies, source: `${folder}/${lies}` })
    }
  })

  it('makes one class of a label in two forms', async () => {
    const { items } = await csv(`path,label,split\na.jpg,é,train\nb.jpg,${'é'.normalize('NFD')},train\n`)
    expect(new Set(items.map(({ label }) => label)).size).toBe(1)
  })

  it('reads backslashes as slashes, unless a file has them in its name', async () => {
    const text = 'path,label,split\nimg\\a.png,cat,train\n'
    expect((await csv(text)).items[0]!.id).toBe('img/a.png')
    if (process.platform !== 'win32')
      expect((await csv(text, {}, { 'img\\a.png': 'x' })).items[0]!.id).toBe('img\\a.png')
  })

  describe('boxes', () => {
    const box = { x: 0.25, y: 0.2, width: 0.5, height: 0.4 }
    it.each([
      ['corner and size', 'x,y,w,h', '5,2,10,4'],
      ['corner and size in full', 'x,y,width,height', '5,2,10,4'],
      ['edges', 'x_1,y_1,x_2,y_2', '5,2,15,6'],
      ['edges by other names', 'xmin,ymin,xmax,ymax', '5,2,15,6'],
      ['edges by name', 'left,top,right,bottom', '5,2,15,6'],
      ['fractions', 'x,y,w,h', '0.25,0.2,0.5,0.4'],
      ['edges counted from 0', 'x0,y0,x1,y1', '5,2,15,6'],
      ['corner and size with a prefix', 'bbox_x,bbox_y,bbox_width,bbox_height', '5,2,10,4'],
      ['centre and size, as YOLO has them', 'x_center,y_center,width,height', '0.5,0.4,0.5,0.4'],
      ['a list in a cell, as COCO has it', 'bbox', '"[5.0, 2.0, 10, 4]"'],
      ['numbers in a cell', 'bbox', '5 2 10 4'],
    ])('%s', async (_, header, cells) => {
      const { items, warnings } = await csv(
        `path,label,split,${header}\na.png,cat,train,${cells}\n`,
        {},
        {
          'a.png': await greyImage(20, 10),
        },
      )
      for (const [key, value] of Object.entries(box)) expect(items[0]!.box![key as 'x']).toBeCloseTo(value, 9)
      expect(warnings).toEqual([])
    })

    it('decimal commas', async () => {
      const { items } = await csv('path;label;split;x;y;w;h\na.png;cat;train;0,25;0,2;0,5;0,4\n')
      expect(items[0]!.box).toEqual(box)
    })

    it('says when boxes run past their images, but not by a pixel', async () => {
      const files = { 'a.png': await greyImage(20, 10) }
      const of = (cells: string) => csv(`path,label,split,x,y,w,h\na.png,cat,train,${cells}\n`, {}, files)
      expect((await of('1,1,20,10')).warnings).toEqual([])
      expect((await of('15,1,20,5')).warnings).toEqual(['dataset/boxes-cut'])
      await expect(of('30,1,20,5')).rejects.toMatchObject({
        code: 'dataset/box-outside',
        message: expect.stringMatching(/index\.csv:2/) as string,
      })
      await expect(of('3,1,0,5')).rejects.toMatchObject({ code: 'dataset/bad-box', fields: { line: 2 } })
    })

    it('leaves images that are missing out before it asks for their sizes', async () => {
      const text = 'path,label,split,x,y,w,h\na.png,cat,train,5,2,10,4\ngone.png,cat,train,5,2,10,4\n'
      const { items } = await csv(text, { missingImages: 'skip' }, { 'a.png': await greyImage(20, 10) })
      expect(items).toHaveLength(1)
    })
  })

  describe('several labels', () => {
    const text = 'path,label,split\na.jpg,red;car,test\nb.jpg,car,test\nc.jpg,"red;car;red",test\nd.jpg,x|y,test\n'
    it('are cut where a part also stands alone, with a word', async () => {
      const { items, warnings } = await csv(text)
      expect(items.map(({ label, labels }) => labels ?? label)).toEqual([['red', 'car'], 'car', ['red', 'car'], 'x|y'])
      expect(warnings).toEqual(['dataset/several-labels', 'dataset/queries-without-gallery'])
    })
    it('are cut as told, or not', async () => {
      expect((await csv(text, { labelSeparator: '|' })).items[3]!.labels).toEqual(['x', 'y'])
      expect((await csv(text, { labelSeparator: '' })).items[0]!.label).toBe('red;car')
    })
    it('are left where nothing tells', async () => {
      const { items, warnings } = await csv('path,label,split\na.jpg,salt; pepper,train\nb.jpg,sugar,train\n')
      expect(items[0]!.label).toBe('salt; pepper')
      expect(warnings).toEqual([])
    })
  })

  describe('the cases that failed', () => {
    /** What stands behind a picture's end is not read. */
    const different = async (name: string) => Buffer.concat([await greyImage(20, 20), Buffer.from(name)])
    const images = async () => {
      const names = [0, 1, 2, 3].flatMap((label) => [0, 1, 2, 3].map((at) => `img/c${label}_${at}.png`))
      return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await different(name)] as const)))
    }
    const sixteen = [0, 1, 2, 3].flatMap((label) =>
      [0, 1, 2, 3].map((at) => `img/c${label}_${at}.png class${label} ${label < 2 ? 'train' : 'test'}`),
    )
    it.each(['semicolon', 'backslash'])('%s.csv', async (name) => {
      const { items, warnings } = await csv(fixture(`${name}.csv`), { missingImages: 'fail' }, await images())
      expect(brief(items)).toEqual(sixteen)
      expect(warnings).toEqual([])
    })
    it('coco_box.csv', async () => {
      const { items } = await csv(fixture('coco_box.csv'), {}, await images())
      expect(items.map(({ box }) => box)).toEqual(Array(16).fill({ x: 0.15, y: 0.15, width: 0.5, height: 0.5 }))
    })
    it('nfc.csv', async () => {
      const files = { ...(await images()), ['img/café.png'.normalize('NFD')]: await greyImage(20, 20) }
      const { items } = await csv(fixture('nfc.csv'), { missingImages: 'fail' }, files)
      expect(items).toHaveLength(17)
      expect(items[16]!.id).toBe('img/café.png'.normalize('NFD'))
    })
    it('latin1_merge.csv', async () => {
      const { items, warnings } = await csv(fixture('latin1_merge.csv'))
      expect(items.map(({ label }) => label)).toEqual(['fiancé', 'fiancè', 'fiancé', 'fiancè'])
      expect(warnings).toEqual(['dataset/encoding'])
    })
    it('multi_label.csv', async () => {
      const { items } = await csv(fixture('multi_label.csv'))
      expect(items.map(({ labels }) => labels?.join('+')).filter(Boolean)).toEqual(Array(4).fill('class2+class3'))
      expect(items.filter(({ label }) => label === 'class3')).toHaveLength(4)
    })
  })
})

describe('JSON Lines', () => {
  it('reads rows with lists of labels and boxes', async () => {
    const lines = [
      { path: 'a.png', label: 7, split: 'test', bbox: [5, 2, 10, 4] },
      { path: 'a.png', labels: ['red', 'car'], label: ['red', 'car'], split: 'test' },
    ]
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`
    const { items } = await load('jsonl', { 'index.jsonl': text, 'a.png': await greyImage(20, 10) })
    expect(items).toMatchObject([
      {
        id: 'a.png#5,2,10,4',
        label: '7',
        box: { x: 0.25, y: 0.2, width: 0.5, height: expect.closeTo(0.4, 9) as number },
      },
      { id: 'a.png', label: 'red', labels: ['red', 'car'] },
    ])
  })
  it.each([
    ['what is no JSON', '{"path": "a.png", "label": "x", "split": "test"}\n{"path": }\n', /index\.jsonl:2:\d+/],
    ['what is no object', '["a.png", "x"]', /JSON list|index\.jsonl:1/],
    ['one list', '[\n{"path": "a.png"}\n]', /index\.jsonl:1:1: the file is one JSON list/],
    ['a number', '3\n', /index\.jsonl:1: the line is 3/],
  ])('refuses %s', async (_, text, message) => {
    await expect(load('jsonl', { 'index.jsonl': text })).rejects.toMatchObject({
      code: 'dataset/bad-json',
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('Parquet', () => {
  it('reads paths and labels', async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'path', data: ['a.jpg', 'b.jpg'], type: 'STRING' },
        { name: 'label', data: [3, 4], type: 'INT32' },
        { name: 'split', data: ['train', 'test'], type: 'STRING' },
      ],
    })
    const { items } = await load('parquet', { 'index.parquet': new Uint8Array(bytes) })
    expect(brief(items)).toEqual(['a.jpg 3 train', 'b.jpg 4 test'])
  })
  it('reads images that lie in the file', async () => {
    const image = new Uint8Array(await greyImage(4, 4))
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'image', data: [image], type: 'BYTE_ARRAY' },
        { name: 'label', data: ['cat'], type: 'STRING' },
      ],
    })
    const files = { 'index.parquet': new Uint8Array(bytes) }
    const { items } = await load('parquet', files, { splits: { test: { where: {} } } })
    expect(items[0]!.id).toBe('row 1')
    expect(Buffer.compare(items[0]!.source as Uint8Array, image)).toBe(0)
  })
  it('refuses other files', async () => {
    await expect(load('parquet', { 'index.parquet': 'path,label\n' })).rejects.toMatchObject({
      code: 'dataset/bad-parquet',
    })
  })
})
