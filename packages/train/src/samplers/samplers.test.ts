import { createRandom, type PluginContext, type Sampler, type Warning } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { balanced, balancedPlugin } from './balanced.js'
import { categoryBalanced } from './category-balanced.js'
import { plain } from './plain.js'

/** 12 classes of 1 to 12 images, in 3 categories of 4 classes. */
const labels = Int32Array.from(Array.from({ length: 12 }, (_, label) => Array<number>(label + 1).fill(label)).flat())
const categories = labels.map((label) => label % 3)
const epoch = (sampler: Sampler, seed = 0) => sampler.epoch({ labels, categories }, createRandom(seed))
const classesOf = (batch: Int32Array) => Array.from(batch, (position) => labels[position]!)

describe.each([
  ['balanced', () => balanced({ labels: 5, instances: 3 }), 15],
  ['category-balanced', () => categoryBalanced({ categories: 2, labels: 3, instances: 2 }), 12],
  ['plain', () => plain({ batchSize: 10 }), 10],
])('%s', (_, make, size) => {
  it('gives the same batches for the same seed, of one size, in range', () => {
    const sampler = make()
    const batches = epoch(sampler)
    expect(epoch(sampler)).toEqual(batches)
    expect(epoch(sampler, 1)).not.toEqual(batches)
    expect(batches).toHaveLength(Math.floor(labels.length / size))
    for (const batch of batches) {
      expect(batch).toHaveLength(size)
      expect(batch.every((position) => position >= 0 && position < labels.length)).toBe(true)
    }
  })
})

describe.each([
  ['balanced', () => balanced({ labels: 2, instances: 2 })],
  ['category-balanced', () => categoryBalanced({ categories: 1, labels: 2, instances: 2 })],
  ['plain', () => plain({ batchSize: 4 })],
])('%s, given other arrays', (name, make) => {
  const plainLabels = [0, 0, 1, 1, 2, 2]
  const draw = (items: object | undefined) => make().epoch(items as Parameters<Sampler['epoch']>[0], createRandom(3))

  it('converts what holds whole numbers', () => {
    const wanted = draw({ labels: Int32Array.from(plainLabels), categories: Int32Array.from(plainLabels) })
    for (const labels of [plainLabels, Float64Array.from(plainLabels), Uint8Array.from(plainLabels)])
      expect(draw({ labels, categories: labels })).toEqual(wanted)
  })

  it.each([
    ['text', ['a', 'a', 'b', 'b']],
    ['fractions', [0, 0, 0.5, 0.5]],
    ['NaN', [0, 0, NaN, NaN]],
    ['beyond 32 bits', [0, 0, 2 ** 40, 2 ** 40]],
    ['big integers', BigInt64Array.of(0n, 0n, 1n, 1n)],
    ['nothing', undefined],
  ])('refuses %s by name', (_kind, labels) => {
    expect(() => draw({ labels })).toThrow(
      expect.objectContaining({ code: 'train/labels', message: expect.stringContaining(name) }),
    )
    expect(() => draw({ labels: [0, 0, 1, 1], categories: labels ?? [0] })).toThrow(
      expect.objectContaining({ code: 'train/labels' }),
    )
  })

  it('refuses no items at all', () => {
    expect(() => draw(undefined)).toThrow(expect.objectContaining({ code: 'train/labels' }))
  })

  it.each([
    ['a class without images', [0, 0, 2, 2], 1],
    ['no class 0', [1, 1, 2, 2], 0],
    ['a negative class', [0, 0, -1, -1], 1],
    ['a class far away', [0, 0, 2_000_000_000, 2_000_000_000], 1],
  ])('refuses %s, naming the class', (_kind, labels, label) => {
    expect(() => draw({ labels, categories: [0, 0, 0, 0] })).toThrow(
      expect.objectContaining({ code: 'train/labels', fields: expect.objectContaining({ label }) }),
    )
  })
})

describe('options', () => {
  it.each([
    ['labels', (labels: number) => balanced({ labels })],
    ['instances', (instances: number) => balanced({ instances })],
    ['categories', (categories: number) => categoryBalanced({ categories })],
    ['labels', (labels: number) => categoryBalanced({ labels })],
    ['instances', (instances: number) => categoryBalanced({ instances })],
    ['batchSize', (batchSize: number) => plain({ batchSize })],
  ])('%s are whole numbers from 1', (name, make) => {
    for (const wrong of [0, -1, 1.5]) expect(() => make(wrong)).toThrow(name)
    for (const right of [1, 2, 1000]) expect(make(right).specVersion).toBe('v1')
  })
})

describe('balanced', () => {
  it('takes the same number of images of different classes, and repeats those of small classes alone', () => {
    for (const batch of epoch(balanced({ labels: 5, instances: 3 }))) {
      const counts = new Map<number, Set<number>>()
      for (const position of batch)
        counts.set(labels[position]!, (counts.get(labels[position]!) ?? new Set()).add(position))
      expect(counts.size).toBe(5)
      for (const [label, positions] of counts) expect(positions.size).toBe(Math.min(3, label + 1))
    }
  })

  it('shows all classes and all images of a class before any comes again', () => {
    const batches = balanced({ labels: 4, instances: 2 }).epoch(
      { labels: labels.map((_, i) => Math.floor(i / 6) % 12) },
      createRandom(3),
    )
    const shown = batches.slice(0, 3).flatMap((batch) => Array.from(batch, (position) => Math.floor(position / 6) % 12))
    expect(new Set(shown).size).toBe(12)
    const positions = batches.flatMap((batch) => [...batch])
    expect(new Set(positions).size).toBe(positions.length)
  })

  it('draws whole rounds where a batch ends in the middle of one', () => {
    // 5 classes, 2 a batch: every second round begins inside a batch.
    const five = Int32Array.from({ length: 40 }, (_, i) => i % 5)
    for (let seed = 0; seed < 20; seed++) {
      const batches = balanced({ labels: 2, instances: 2 }).epoch({ labels: five }, createRandom(seed))
      const shown = batches.map((batch) => [...new Set(Array.from(batch, (position) => five[position]!))])
      for (const classes of shown) expect(classes).toHaveLength(2)
      const counts = (upTo: number) => {
        const drawn = shown.slice(0, upTo).flat()
        return [0, 1, 2, 3, 4].map((label) => drawn.filter((other) => other === label).length)
      }
      for (let upTo = 1; upTo <= shown.length; upTo++) {
        const drawn = counts(upTo)
        expect(Math.max(...drawn) - Math.min(...drawn)).toBeLessThanOrEqual(2)
        // After every 5 batches each class was drawn twice.
        if (upTo % 5 === 0) expect(drawn).toEqual(Array(5).fill((2 * upTo) / 5))
      }
    }
  })

  it.each([
    ['classes', { labels: 32, instances: 4 }, 12],
    ['images', { labels: 12, instances: 20 }, 3],
  ])('has fewer classes in a batch where the set has too few %s, and says so once', (_, wanted, labels) => {
    const warnings: Warning[] = []
    const sampler = balanced(wanted, (warning) => warnings.push(warning))
    for (const seed of [0, 1])
      for (const batch of epoch(sampler, seed)) expect(new Set(classesOf(batch)).size).toBe(labels)
    expect(warnings).toMatchObject([
      {
        code: 'train/smaller-batches',
        message: expect.stringContaining(`${labels} classes instead of ${wanted.labels}`) as string,
        fields: { images: 78, classes: 12, wanted: wanted.labels, labels, instances: wanted.instances },
      },
    ])
  })

  it('has nothing to say where the set is just large enough, and needs no one to say it to', () => {
    const warnings: Warning[] = []
    const draw = (labels: number, onWarning?: (warning: Warning) => void) =>
      balanced({ labels, instances: 2 }, onWarning).epoch({ labels: Int32Array.of(0, 0, 1, 1, 2, 2) }, createRandom(1))
    expect(draw(3, (warning) => warnings.push(warning))).toHaveLength(1)
    expect(warnings).toEqual([])
    expect(draw(4)).toHaveLength(1)
  })

  it('as a plugin warns whoever made it', async () => {
    const warnings: Warning[] = []
    const context = { warn: (warning: Warning) => warnings.push(warning) } as unknown as PluginContext
    const sampler = await balancedPlugin.create({ labels: 4, instances: 1 }, context)
    sampler.epoch({ labels: Int32Array.of(0, 1, 2) }, createRandom(1))
    expect(warnings).toMatchObject([{ code: 'train/smaller-batches' }])
  })

  it('refuses what has no two classes to a batch', () => {
    const draw = (labels: number[], instances: number) =>
      balanced({ labels: 4, instances }).epoch({ labels: Int32Array.from(labels) }, createRandom(1))
    expect(() => draw([0, 0, 0], 1)).toThrow(
      expect.objectContaining({
        code: 'train/too-few-classes',
        message: expect.stringContaining('has 1 class,'),
        fields: { sampler: 'balanced', classes: 1, wanted: 2 },
      }),
    )
    expect(() => draw([0, 0, 1], 2)).toThrow(
      expect.objectContaining({
        code: 'train/too-few-images',
        fields: { sampler: 'balanced', images: 3, batchSize: 4 },
      }),
    )
  })
})

describe('category-balanced', () => {
  it('takes its classes from as few categories as asked', () => {
    for (const batch of epoch(categoryBalanced({ categories: 2, labels: 3, instances: 2 }))) {
      expect(new Set(classesOf(batch)).size).toBe(6)
      expect(new Set(classesOf(batch).map((label) => label % 3)).size).toBe(2)
    }
  })

  it('fills a batch from further categories where one is too small', () => {
    for (const batch of epoch(categoryBalanced({ categories: 1, labels: 7, instances: 2 }))) {
      expect(new Set(classesOf(batch)).size).toBe(7)
      expect(new Set(classesOf(batch).map((label) => label % 3)).size).toBe(2)
    }
  })

  it('takes more of each where all categories gave their share', () => {
    for (const batch of epoch(categoryBalanced({ categories: 5, labels: 2, instances: 1 })))
      expect(new Set(classesOf(batch)).size).toBe(10)
  })

  it('takes a set that fills one batch, and says what a smaller one lacks', () => {
    const draw = (labels: number[]) =>
      categoryBalanced({ categories: 1, labels: 2, instances: 3 }).epoch(
        { labels: Int32Array.from(labels), categories: new Int32Array(labels.length) },
        createRandom(1),
      )
    expect(draw([0, 0, 0, 1, 1, 1]).map((batch) => [...batch].sort())).toEqual([[0, 1, 2, 3, 4, 5]])
    expect(() => draw([0, 0, 0, 1, 1])).toThrow(
      expect.objectContaining({
        code: 'train/too-few-images',
        fields: { sampler: 'category-balanced', images: 5, batchSize: 6 },
      }),
    )
    expect(() => draw([0, 0, 0, 0, 0, 0])).toThrow(
      expect.objectContaining({
        code: 'train/too-few-classes',
        fields: { sampler: 'category-balanced', classes: 1, wanted: 2 },
      }),
    )
    expect(() => categoryBalanced().epoch({ labels, categories }, createRandom(1))).toThrow('has 12 classes,')
  })

  it('needs categories', () => {
    expect(() => categoryBalanced().epoch({ labels }, createRandom(0))).toThrow(
      expect.objectContaining({ code: 'train/categories-missing' }),
    )
  })
})

describe('plain', () => {
  it('takes a set that fills one batch, and says what a smaller one lacks', () => {
    const draw = (count: number) => plain({ batchSize: 3 }).epoch({ labels: new Int32Array(count) }, createRandom(1))
    expect(draw(3).map((batch) => [...batch].sort())).toEqual([[0, 1, 2]])
    expect(() => draw(2)).toThrow(
      expect.objectContaining({ code: 'train/too-few-images', fields: { sampler: 'plain', images: 2, batchSize: 3 } }),
    )
  })

  it('shows no image twice', () => {
    const all = epoch(plain({ batchSize: 7 })).flatMap((batch) => [...batch])
    expect(new Set(all).size).toBe(all.length)
  })
})
