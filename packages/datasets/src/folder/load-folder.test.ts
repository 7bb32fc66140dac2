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
    await expect(load('flat')).rejects.toMatchObject({ code: 'dataset/empty', fields: { looseImages: 1 } })
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
})
