import { createEmbeddings, createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { createHardBatches } from './hard-batches.js'

/** Classes on a circle, so that a class's nearest are its neighbours; class c has 3 or 4 images. */
const CLASSES = 24
const labels = Int32Array.from(Array.from({ length: CLASSES }, (_, c) => Array.from({ length: 3 + (c % 2) }, () => c)).flat())
const random = createRandom(3)
const embeddings = createEmbeddings({
  data: Float32Array.from(Array.from(labels, (c) => ((c + 0.2 * random.next()) * 2 * Math.PI) / CLASSES).flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
  rows: labels.length, dim: 2, space: 's', role: 'any',
})
const apart = (a: number, b: number) => Math.min(Math.abs(a - b), CLASSES - Math.abs(a - b))
const classesOf = (batch: Int32Array) => [...new Set(Array.from(batch, (position) => labels[position]!))]

describe('createHardBatches', () => {
  const epoch = createHardBatches(embeddings, labels, { labels: 6, instances: 4, alike: 3 })

  it('has as many batches as go through the images, of different classes with so many images each', () => {
    const batches = epoch(createRandom(1))
    expect(batches).toHaveLength(Math.floor(labels.length / 24))
    for (const batch of batches) {
      expect(batch).toHaveLength(24)
      expect(classesOf(batch)).toHaveLength(6)
      for (const label of classesOf(batch)) {
        const images = Array.from(batch).filter((position) => labels[position] === label)
        expect(new Set(images).size).toBe(3 + (label % 2))
      }
    }
    expect(new Set(batches.slice(0, 3).flatMap(classesOf)).size).toBe(18)
  })

  it('puts classes together that are near', () => {
    const first = epoch(createRandom(1))[0]!
    const [a, b, c] = classesOf(first)
    expect([apart(a!, b!), apart(a!, c!)]).toEqual([1, 1])
    // Alone, classes are drawn as they come.
    const distances = (alike: number) => createHardBatches(embeddings, labels, { labels: 6, instances: 4, alike })(createRandom(1))
      .flatMap((batch) => classesOf(batch).map((label, _, all) => Math.min(...all.filter((other) => other !== label).map((other) => apart(label, other)))))
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length
    expect(mean(distances(1))).toBeGreaterThan(mean(distances(3)) + 0.5)
  })

  it('follows the random numbers alone', () => {
    expect(epoch(createRandom(5))).toEqual(epoch(createRandom(5)))
    expect(epoch(createRandom(5))).not.toEqual(epoch(createRandom(6)))
  })
})
