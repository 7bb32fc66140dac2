import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Warning } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EmojiClass } from './emoji-classes.js'
import { LINE_ART_STYLES } from './emoji-sets.js'
import { EMOJI_COUNTS, type EmojiOptions, emojiItems, loadEmoji, readEmoji } from './load-emoji.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const everything: EmojiOptions = { protocol: 'all', validation: 0, seed: 0, splits: ['train', 'validation', 'test'] }

describe('the emoji benchmark', () => {
  let classes: EmojiClass[]
  beforeAll(async () => {
    classes = (await readEmoji({ folder: root })).classes
  })
  const list = (change: Partial<EmojiOptions> = {}) =>
    emojiItems(classes, { ...everything, ...change }, (style, icon) => `${style}/${icon}`).map(({ item }) => item)
  const labels = (items: readonly { label: string }[]) => new Set(items.map(({ label }) => label))

  it('has the published counts', () => {
    const items = list()
    const train = items.filter(({ split }) => split === 'train')
    const test = items.filter(({ split }) => split === 'test')
    expect({
      classes: labels(items).size,
      images: items.length,
      trainClasses: labels(train).size,
      testClasses: labels(test).size,
      testImages: test.length,
    }).toEqual(EMOJI_COUNTS)
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
    expect(items.every(({ isQuery, isGallery }) => isQuery && isGallery)).toBe(true)
    expect([...labels(train)].filter((label) => labels(test).has(label))).toEqual([])
  })

  it('keeps the line-art styles from training and lets them query the others', () => {
    const items = list({ protocol: 'unseen-style', validation: 0.1 })
    const lineArt = (item: (typeof items)[number]) =>
      (LINE_ART_STYLES as readonly string[]).includes(String(item.metadata!['style']))
    expect(items.filter((item) => item.split !== 'test' && lineArt(item))).toEqual([])
    const test = items.filter(({ split }) => split === 'test')
    expect(test).toHaveLength(EMOJI_COUNTS.testImages)
    for (const item of test) expect([item.isQuery, item.isGallery]).toEqual([lineArt(item), !lineArt(item)])
  })

  it('trains on the asked styles and classes alone, and measures on everything', () => {
    const train = (items: readonly { split: string }[]) => items.filter(({ split }) => split === 'train')
    const half = list({ validation: 0.1, training: { styles: ['noto', 'twemoji'], classes: [0, 0.5] } })
    const other = list({ validation: 0.1, training: { classes: [0.5, 1] } })
    const whole = list({ validation: 0.1 })
    expect(new Set(train(half).map((item) => (item as (typeof half)[number]).metadata!['style']))).toEqual(
      new Set(['noto', 'twemoji']),
    )
    const parts = [labels(train(half) as typeof half), labels(train(other) as typeof half)]
    expect([...parts[0]!].some((label) => parts[1]!.has(label))).toBe(false)
    expect(parts[0]!.size + parts[1]!.size).toBe(739)
    for (const items of [half, other])
      expect(items.filter(({ split }) => split !== 'train')).toEqual(whole.filter(({ split }) => split !== 'train'))
  })

  it('cuts a class-disjoint validation part from the training classes alone', () => {
    const items = list({ validation: 0.1 })
    const validation = labels(items.filter(({ split }) => split === 'validation'))
    const train = labels(items.filter(({ split }) => split === 'train'))
    expect([validation.size, train.size]).toEqual([82, 739])
    expect([...validation].some((label) => train.has(label))).toBe(false)
    expect(items.filter(({ split }) => split === 'test')).toHaveLength(EMOJI_COUNTS.testImages)
    expect(labels(list({ validation: 0.1, splits: ['validation'] }))).toEqual(validation)
    expect(labels(list({ validation: 0.1, splits: ['validation'], seed: 1 }))).not.toEqual(validation)
  })
})

describe('loadEmoji', () => {
  const folders: string[] = []
  afterAll(async () => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

  it('renders what it lists to 96 x 96 pixels, once', async () => {
    const cacheFolder = await mkdtemp(join(tmpdir(), 'emoji-'))
    folders.push(cacheFolder)
    const warnings: Warning[] = []
    // The fewest images that the real packages can be asked for: one validation class.
    const options: EmojiOptions = { ...everything, validation: 0.001, splits: ['validation'] }
    const load = () => loadEmoji(options, { folder: root, cacheFolder, warn: (warning) => warnings.push(warning) })
    const { items } = await load()
    expect(warnings).toEqual([])
    expect(items.length).toBeGreaterThanOrEqual(5)
    const { default: sharp } = await import('sharp')
    for (const item of items) {
      const { width, height, channels } = await sharp(item.source as string).metadata()
      expect([width, height, channels]).toEqual([96, 96, 3])
    }
    const files = async () =>
      (await readdir(cacheFolder, { recursive: true })).filter((name) => /\.(png|part)$/.test(name))
    const before = await files()
    expect(before).toHaveLength(items.length)
    await load()
    expect(await files()).toEqual(before)
  })

  it('names the missing packages and the command that installs them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emoji-'))
    folders.push(folder)
    const cwd = process.cwd()
    process.chdir(folder)
    try {
      await expect(readEmoji({ folder })).rejects.toMatchObject({
        code: 'dataset/package-missing',
        message: expect.stringMatching(
          /npm install --save-dev @iconify-json\/noto @iconify-json\/noto-v1 .*fluent-emoji-high-contrast/,
        ),
      })
    } finally {
      process.chdir(cwd)
    }
  })
})
