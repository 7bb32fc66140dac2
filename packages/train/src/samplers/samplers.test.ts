import { createRandom, type Sampler } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { balanced } from './balanced.js'
import { categoryBalanced } from './category-balanced.js'
import { plain } from './plain.js'

/** 12 classes of 1 to 12 images, in 3 categories of 4 classes. */
const labels = Int32Array.from(Array.from({ length: 12 }, (_, label) => Array<number>(label + 1).fill(label)).flat())
const categories = labels.map((label) => label % 3)
const epoch = (sampler: Sampler, seed = 0) => sampler.epoch({ labels, categories }, createRandom(seed))
const classesOf = (batch: Int32Array) => Array.from(batch, (position) => labels[position]!)

describe.each([
  ['balanced', balanced({ labels: 5, instances: 3 }), 15],
  ['category-balanced', categoryBalanced({ categories: 2, labels: 3, instances: 2 }), 12],
  ['plain', plain({ batchSize: 10 }), 10],
])('%s', (_, sampler, size) => {
  it('gives the same batches for the same seed, of one size, in range', () => {
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

  it('refuses more classes or images than there are', () => {
    expect(() => epoch(balanced({ labels: 13 }))).toThrow(expect.objectContaining({ code: 'train/too-few-classes' }))
    expect(() => epoch(balanced({ labels: 12, instances: 20 }))).toThrow(
      expect.objectContaining({ code: 'train/too-few-images' }),
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

  it('needs categories', () => {
    expect(() => categoryBalanced().epoch({ labels }, createRandom(0))).toThrow(
      expect.objectContaining({ code: 'train/categories-missing' }),
    )
  })
})

describe('plain', () => {
  it('shows no image twice', () => {
    const all = epoch(plain({ batchSize: 7 })).flatMap((batch) => [...batch])
    expect(new Set(all).size).toBe(all.length)
  })
})
