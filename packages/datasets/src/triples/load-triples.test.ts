import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRegistry, type Dataset } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { tempFolder, testContext } from '../test-support/temp-folder.js'
import { triples } from './triples.js'

async function load(folder: string, given: Readonly<Record<string, unknown>>) {
  const context = testContext(folder)
  const dataset = (await createRegistry([triples]).create(
    'dataset',
    { use: 'triples', ...given },
    { ...context, onWarning: context.warn, seed: 0 },
  )) as Dataset
  return { items: dataset.items, triples: dataset.triples ?? [], warnings: context.warnings }
}

const from = (text: string, given: object = {}, files: Readonly<Record<string, string>> = {}) =>
  load(tempFolder({ 'triples.csv': text, ...files }), { file: 'triples.csv', ...given })

describe('triples', () => {
  it('reads paths, contexts, classes and splits', async () => {
    const { triples: read, items } = await from(
      'reference,a,b,closer,context,class_a,class_b,split\nr.jpg,x.jpg,y.jpg,B,shoes,4,1,train\nx.jpg,y.jpg,r.jpg,a,,,,val\n',
    )
    expect(read).toEqual([
      {
        reference: 'r.jpg',
        a: 'x.jpg',
        b: 'y.jpg',
        closer: 'b',
        split: 'train',
        context: 'shoes',
        classA: 4,
        classB: 1,
      },
      { reference: 'x.jpg', a: 'y.jpg', b: 'r.jpg', closer: 'a', split: 'validation' },
    ])
    expect(items.map(({ id, split }) => [id, split])).toEqual([
      ['r.jpg', 'train'],
      ['x.jpg', 'train'],
      ['y.jpg', 'train'],
    ])
  })

  it('counts votes and drops or keeps ties', async () => {
    const text = 'reference,a,b,closer,votes_a,votes_b\nr,x,y,a,3,1\nr,y,z,tie,2,2\nr,x,z,b,0,5\n'
    const dropped = await from(text, { test: 1 })
    expect(dropped.triples.map(({ closer, agreement }) => [closer, agreement])).toEqual([
      ['a', 0.75],
      ['b', 1],
    ])
    expect(dropped.warnings).toMatchObject([{ code: 'dataset/ties-dropped', fields: { ties: 1 } }])
    const kept = await from(text, { test: 1, ties: 'keep' })
    expect(kept.triples[1]).toMatchObject({ agreement: 0.5 })
    const votesAlone = await from('reference,a,b,votes_a,votes_b\nr,x,y,1,2\n', { test: 1 })
    expect(votesAlone.triples[0]).toMatchObject({ closer: 'b', agreement: 2 / 3 })
  })

  it('finds images by row number or label of an index', async () => {
    const index = { 'index.csv': 'path,label\nimages/p.jpg,pear\nimages/q.jpg,quince\nimages/r.jpg,rhubarb\n' }
    const byRow = await from('reference,a,b,closer\n2,0,1,a\n', { index: 'index.csv', ids: 'row', test: 1 }, index)
    expect(byRow.triples[0]).toMatchObject({ reference: 'images/r.jpg', a: 'images/p.jpg', b: 'images/q.jpg' })
    const byLabel = await from(
      'reference,a,b,closer\nrhubarb,pear,quince,a\n',
      { index: 'index.csv', ids: 'label', test: 1 },
      index,
    )
    expect(byLabel.triples).toEqual(byRow.triples)
    await expect(
      from('reference,a,b,closer\n3,0,1,a\n', { index: 'index.csv', ids: 'row' }, index),
    ).rejects.toMatchObject({
      code: 'dataset/unknown-id',
      message: expect.stringContaining('triples.csv:2: there is no image "3"'),
    })
  })

  it('expands annotation rows to pairs with their own classes', async () => {
    const { triples: read } = await load(tempFolder({ 'rows.txt': 'r n 1 m 2 f 5\n' }), {
      file: 'rows.txt',
      format: 'annotations',
      test: 1,
    })
    expect(read).toEqual([
      { reference: 'r', a: 'm', b: 'n', closer: 'b', classA: 2, classB: 1, split: 'test' },
      { reference: 'r', a: 'f', b: 'n', closer: 'b', classA: 5, classB: 1, split: 'test' },
      { reference: 'r', a: 'f', b: 'm', closer: 'b', classA: 5, classB: 2, split: 'test' },
    ])
  })

  it('splits by reference or by image', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `i${at}`)
    const rows = names.flatMap((r) =>
      names.flatMap((a) => names.filter((b) => a < b && a !== r && b !== r).map((b) => `${r},${a},${b},a`)),
    )
    const text = `reference,a,b,closer\n${rows.join('\n')}\n`
    const byReference = await from(text, { validation: 0.25, test: 0.25 })
    expect(byReference.triples).toHaveLength(rows.length)
    const splits = new Map<string, Set<string>>()
    for (const { reference, split } of byReference.triples)
      splits.set(reference, (splits.get(reference) ?? new Set()).add(split))
    expect([...splits.values()].every(({ size }) => size === 1)).toBe(true)
    const byImages = await from(text, { splitBy: 'images', test: 0.5, contexts: 3 })
    const images = (split: string) =>
      new Set(
        byImages.triples.filter((triple) => triple.split === split).flatMap(({ reference, a, b }) => [reference, a, b]),
      )
    expect([...images('train')].filter((id) => images('test').has(id))).toEqual([])
    // Two halves of 6 images, 6 * C(5, 2) triples in each.
    expect(byImages.triples).toHaveLength(120)
    expect(byImages.warnings).toMatchObject([
      { code: 'dataset/triples-dropped', fields: { dropped: rows.length - 120 } },
    ])
    const contexts = byImages.triples.filter(({ split }) => split === 'train').map(({ context }) => context)
    expect([...new Set(contexts)].sort()).toEqual(['group-1', 'group-2', 'group-3'])
    expect(byImages.triples.filter(({ split }) => split === 'test').every(({ context }) => context === undefined)).toBe(
      true,
    )
  })

  it.each([
    ['labels other than a and b', 'reference,a,b,closer\nr,x,y,c\n', {}, 'dataset/bad-closer'],
    ['missing columns', 'reference,a,closer\nr,x,a\n', {}, 'dataset/missing-columns'],
    ['an empty id', 'reference,a,b,closer\nr,,y,a\n', {}, 'dataset/missing-id'],
    ['votes against the answer', 'reference,a,b,closer,votes_a,votes_b\nr,x,y,a,1,2\n', {}, 'dataset/bad-votes'],
    ['no votes', 'reference,a,b,votes_a,votes_b\nr,x,y,0,0\n', {}, 'dataset/bad-votes'],
    ['a class beyond 5', 'reference,a,b,closer,class_a,class_b\nr,x,y,a,1,6\n', {}, 'dataset/bad-class'],
    ['an unknown split', 'reference,a,b,closer,split\nr,x,y,a,dev\n', {}, 'dataset/bad-split'],
    ['a path that escapes', 'reference,a,b,closer\n../r,x,y,a\n', {}, 'dataset/path-outside'],
    ['ties alone', 'reference,a,b,closer\nr,x,y,tie\n', {}, 'dataset/empty'],
    ['annotations out of order', 'r x 3 y 2 z 5\n', { format: 'annotations' }, 'dataset/bad-annotation'],
    ['annotations of odd length', 'r x 3 y\n', { format: 'annotations' }, 'dataset/bad-annotation'],
  ])('refuses %s', async (_, text, given, code) => {
    await expect(from(text, given)).rejects.toMatchObject({ code, message: expect.stringContaining('triples.csv') })
  })
})

const shared = fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

describe.skipIf(!existsSync(shared))("people's triples (skipped where ../shared/data is absent)", () => {
  it('reads triples-material-appearance', async () => {
    const {
      triples: read,
      items,
      warnings,
    } = await load(`${shared}/triples-material-appearance`, {
      file: 'triples.csv',
      index: 'index.csv',
      ids: 'row',
      missingImages: 'fail',
    })
    expect(items).toHaveLength(100)
    expect(warnings).toMatchObject([{ code: 'dataset/ties-dropped', fields: { ties: 1657 } }])
    expect(read).toHaveLength(25_801 - 1657)
  })

  it('reads triples-zappos-shoes, split by shoe', async () => {
    const { triples: read, items } = await load(`${shared}/triples-zappos-shoes`, {
      file: 'triples.csv',
      index: 'index.csv',
      ids: 'row',
      splitBy: 'images',
      test: 0.4,
    })
    expect(items).toHaveLength(85)
    const test = new Set(items.filter(({ split }) => split === 'test').map(({ id }) => id))
    expect(test.size).toBe(34)
    expect(
      read.every(({ reference, a, b, split }) => [reference, a, b].every((id) => test.has(id) === (split === 'test'))),
    ).toBe(true)
  })
})
