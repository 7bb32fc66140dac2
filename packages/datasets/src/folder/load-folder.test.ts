import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempFolder, testContext } from '../test-support/temp-folder.js'
import { type FolderOptions, loadFolder } from './load-folder.js'

const defaults: FolderOptions = { path: 'images', splitBy: 'classes', validation: 0, test: 0.5, seed: 0 }
const tree = (classes: number, images: number) =>
  Object.fromEntries(
    Array.from({ length: classes * images }, (_, at) => [
      `images/class ${Math.floor(at / images)}/${at % images}.jpg`,
      '',
    ]),
  )

describe('loadFolder', () => {
  it('gives disjoint classes to the parts, the same for a seed', async () => {
    const context = testContext(tempFolder(tree(10, 3)))
    const load = (change: Partial<FolderOptions> = {}) =>
      loadFolder({ ...defaults, validation: 0.2, test: 0.3, ...change }, context)
    const { items } = await load()
    expect(items).toHaveLength(30)
    const labels = (split: string) => [
      ...new Set(items.filter((item) => item.split === split).map(({ label }) => label)),
    ]
    expect([labels('train').length, labels('validation').length, labels('test').length]).toEqual([5, 2, 3])
    expect(new Set([...labels('train'), ...labels('validation'), ...labels('test')]).size).toBe(10)
    expect((await load()).items).toEqual(items)
    expect((await load({ seed: 1 })).items).not.toEqual(items)
    expect((await load({ validation: 0, test: 1 })).items.every(({ split }) => split === 'test')).toBe(true)
    expect(context.warnings).toEqual([])
  })

  it('cuts every class by image', async () => {
    const { items } = await loadFolder(
      { ...defaults, splitBy: 'images', validation: 0.25, test: 0.25 },
      testContext(tempFolder(tree(3, 8))),
    )
    for (const label of ['class 0', 'class 1', 'class 2']) {
      const splits = items
        .filter((item) => item.label === label)
        .map(({ split }) => split)
        .sort()
      expect(splits).toEqual(['test', 'test', 'train', 'train', 'train', 'train', 'validation', 'validation'])
    }
  })

  it('takes images below a class, and names what it leaves out', async () => {
    const context = testContext(
      tempFolder({
        ...tree(2, 2),
        'images/class 0/deep/er/x.WEBP': '',
        'images/class 1/notes.txt': '',
        'images/loose.png': '',
        'images/none/readme.md': '',
        'images/.cache/x.jpg': '',
        'images/class 0/phone.heic': '',
      }),
    )
    symlinkSync('..', join(context.folder, 'images/class 0/circle'))
    const { items } = await loadFolder({ ...defaults, test: 1 }, context)
    expect(items.map(({ id }) => id)).toContain('class 0/deep/er/x.WEBP')
    expect(items.every(({ label }) => /^class [01]$/.test(label))).toBe(true)
    expect(context.warnings.map(({ code, fields }) => [code, fields['kind'], fields['names']])).toEqual([
      ['dataset/empty-class', undefined, ['none']],
      ['dataset/unlabelled-images', undefined, ['loose.png']],
      ['image/left-out', 'heic', ['class 0/phone.heic']],
      ['image/left-out', 'other', ['class 1/notes.txt', 'none/readme.md']],
      ['image/left-out', 'hidden', ['.cache/']],
      ['image/left-out', 'linked-folder', ['class 0/circle/']],
    ])
  })

  it('refuses folders that are not there, are files or hold no classes', async () => {
    const context = testContext(tempFolder({ 'a file': '', 'flat/x.jpg': '', ...tree(1, 2) }))
    const load = (path: string) => loadFolder({ ...defaults, path }, context)
    await expect(load('gone')).rejects.toMatchObject({
      code: 'dataset/unreadable',
      message: expect.stringContaining('does not exist'),
    })
    await expect(load('a file')).rejects.toMatchObject({
      code: 'dataset/unreadable',
      message: expect.stringContaining('it is a file'),
    })
    await expect(load('images')).rejects.toMatchObject({ code: 'dataset/too-few-classes' })
  })

  it.skipIf(process.platform === 'win32')('names a folder that cannot be read', async () => {
    const context = testContext(tempFolder(tree(2, 2)))
    const locked = join(context.folder, 'images/class 1')
    chmodSync(context.folder, 0o755)
    chmodSync(locked, 0)
    // No permission stops root.
    const isRoot = process.getuid?.() === 0
    if (isRoot) process.seteuid!(65534)
    try {
      await expect(loadFolder(defaults, context)).rejects.toMatchObject({
        code: 'dataset/unreadable',
        fields: { names: ['class 1/'] },
      })
    } finally {
      if (isRoot) process.seteuid!(0)
      chmodSync(locked, 0o755)
    }
  })

  describe('layouts', () => {
    const load = async (names: readonly string[], change: Partial<FolderOptions> = {}) => {
      const files = names.map((name, at) => [`images/${name}`, `image ${at}`] as const)
      const context = testContext(tempFolder(Object.fromEntries(files)))
      const { splitBy: _, ...rest } = defaults
      const { items } = await loadFolder({ ...rest, ...change }, context)
      return {
        items: items.map(({ id, label, split }) => `${id} ${label} ${split}`),
        categories: items.map(({ category }) => category),
        warnings: context.warnings.map(({ code }) => code),
        ofFewImages: context.ofFewImages.map(({ code }) => code),
      }
    }
    const imageFolder = [
      'Train/cat/1.jpg',
      'Train/cat/2.jpg',
      'valid/cat/3.jpg',
      'valid/cat/4.jpg',
      'test/dog/5.jpg',
      'test/dog/6.jpg',
    ]

    it('train, valid and test with the classes in them', async () => {
      const { items, warnings } = await load(imageFolder)
      expect(items).toEqual([
        'Train/cat/1.jpg cat train',
        'Train/cat/2.jpg cat train',
        'test/dog/5.jpg dog test',
        'test/dog/6.jpg dog test',
        'valid/cat/3.jpg cat validation',
        'valid/cat/4.jpg cat validation',
      ])
      expect(warnings).toEqual([])
    })

    it('the same, cut anew by class', async () => {
      const { items } = await load(imageFolder, { splitBy: 'classes', test: 1 })
      expect(items.every((item) => item.endsWith(' test'))).toBe(true)
      expect(new Set(items.map((item) => item.split(' ')[1]))).toEqual(new Set(['cat', 'dog']))
    })

    it('train alone is cut by class', async () => {
      const { items } = await load(['train/cat/1.jpg', 'train/cat/2.jpg', 'train/dog/1.jpg', 'train/dog/2.jpg'])
      expect(items.map((item) => item.split(' ').slice(1).join(' ')).sort()).toEqual([
        expect.stringMatching(/^cat (train|test)$/) as string,
        expect.stringMatching(/^cat (train|test)$/) as string,
        expect.stringMatching(/^dog (train|test)$/) as string,
        expect.stringMatching(/^dog (train|test)$/) as string,
      ])
    })

    it('folders called like splits beside others are classes, with a word', async () => {
      const { items, warnings } = await load(
        ['train/1.jpg', 'train/2.jpg', 'test/1.jpg', 'test/2.jpg', 'bus/1.jpg', 'bus/2.jpg'],
        { test: 1 },
      )
      expect(new Set(items.map((item) => item.split(' ')[1]))).toEqual(new Set(['train', 'test', 'bus']))
      expect(warnings).toEqual(['dataset/split-folders'])
    })

    it('nested classes, joined as told', async () => {
      const names = [
        'animals/cats/1.jpg',
        'animals/cats/2.jpg',
        'animals/dogs/1.jpg',
        'animals/dogs/2.jpg',
        'cars/1.jpg',
        'cars/2.jpg',
      ]
      const { items, categories } = await load(names, { separator: '/', test: 1 })
      expect(new Set(items.map((item) => item.split(' ')[1]))).toEqual(
        new Set(['animals/cats', 'animals/dogs', 'cars']),
      )
      expect(categories.slice(0, 2)).toEqual(['animals', 'animals'])
      expect(categories.at(-1)).toBeUndefined()
    })

    it('no classes at all: all are searched, and a word says what is missing', async () => {
      const { items, warnings } = await load(['b.jpg', 'a.jpg'])
      expect(items).toEqual(['a.jpg a.jpg test', 'b.jpg b.jpg test'])
      expect(warnings).toEqual(['dataset/no-classes'])
    })

    it('one class, one image a class', async () => {
      expect((await load(['cat/1.jpg', 'cat/2.jpg'], { test: 1 })).ofFewImages).toEqual(['dataset/one-class'])
      expect(
        (await load(['train/cat/1.jpg', 'train/dog/1.jpg', 'test/cat/1.jpg', 'test/cat/2.jpg'])).ofFewImages,
      ).toEqual(['dataset/one-image-a-class'])
    })

    it('needs the folders that it is told of', async () => {
      await expect(load(['cat/1.jpg'], { splitBy: 'folders' })).rejects.toMatchObject({ code: 'dataset/layout' })
    })
  })

  it('names images that lie in several classes with the same bytes', async () => {
    const context = testContext(
      tempFolder({
        'images/a/1.jpg': 'same',
        'images/a/2.jpg': 'same',
        'images/b/3.jpg': 'same',
        'images/b/4.jpg': 'else',
      }),
    )
    await loadFolder({ ...defaults, test: 1 }, context)
    expect(context.warnings).toMatchObject([
      { code: 'dataset/duplicates', fields: { duplicates: [['a/1.jpg', 'a/2.jpg', 'b/3.jpg']] } },
    ])
  })

  it('says what is wrong with a folder of images that cannot be read', async () => {
    const context = testContext(tempFolder({ 'images/cat/1.heic': 'x', 'images/cat/2.HEIC': 'x' }))
    await expect(loadFolder(defaults, context)).rejects.toMatchObject({
      code: 'dataset/empty',
      message: expect.stringMatching(/2 HEIC images cannot be read.*JPEG/) as string,
    })
    await expect(loadFolder(defaults, testContext(tempFolder({ 'images/.keep': '' })))).rejects.toMatchObject({
      code: 'dataset/empty',
    })
  })
})
