import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { conformalThreshold, decisionThreshold } from './conformal-threshold.js'
import { galleryThreshold } from './gallery-threshold.js'
import { noMatchThreshold } from './no-match-threshold.js'
import { selectiveThreshold } from './selective-threshold.js'

const TRIALS = 3000

/** The share of trials in which harm was done, with three standard deviations of it. */
function share(trials: number, harmed: (trial: number) => boolean | number) {
  let sum = 0
  for (let trial = 0; trial < trials; trial++) sum += Number(harmed(trial))
  const mean = sum / trials
  return { mean, error: 3 * Math.sqrt((mean * (1 - mean) + 1e-4) / trials) }
}

describe('conformalThreshold', () => {
  it('agrees with worked examples', () => {
    const values = [0.9, 0.2, 0.5, 0.7]
    // (below + 1) / 5 <= target.
    expect(conformalThreshold(values, 0.2)).toBe(0.2)
    expect(conformalThreshold(values, 0.39)).toBe(0.2)
    expect(conformalThreshold(values, 0.4)).toBe(0.5)
    expect(conformalThreshold(values, 0.6)).toBe(0.7)
    expect(conformalThreshold(values, 1)).toBe(Infinity)
    expect(conformalThreshold([Infinity, 3, Infinity, Infinity], 0.4)).toBe(Infinity)
    // Nothing below an equal value is below the threshold.
    expect(conformalThreshold([1, 1, 1, 1], 0.6)).toBe(1)
  })

  it('refuses a target that the calibration part cannot promise, and says what it takes', () => {
    expect(() => conformalThreshold([1, 2, 3, 4], 0.19)).toThrow(
      expect.objectContaining({ code: 'metrics/target', fields: { cases: 4, target: 0.19, needed: 5 } }),
    )
    expect(conformalThreshold([1, 2, 3, 4, 5], 0.19)).toBe(1)
    expect(() => conformalThreshold([1], 0)).toThrow(expect.objectContaining({ code: 'metrics/target' }))
    expect(() => conformalThreshold([], 0.5)).toThrow(expect.objectContaining({ code: 'metrics/target' }))
    expect(() => conformalThreshold([1], 1.5)).toThrow(expect.objectContaining({ code: 'metrics/range' }))
    expect(() => conformalThreshold([NaN], 0.5)).toThrow(expect.objectContaining({ code: 'metrics/not-finite' }))
    expect(() => conformalThreshold(['1' as never], 0.5)).toThrow(
      expect.objectContaining({ code: 'metrics/not-finite' }),
    )
  })

  it.each([
    [19, 0.1],
    [50, 0.05],
    [37, 0.3],
  ])('with %d cases keeps its promise of %d, and no more than it must', (count, target) => {
    const random = createRandom(count)
    const { mean, error } = share(TRIALS, () => {
      const threshold = conformalThreshold(
        Float64Array.from({ length: count }, () => random.normal()),
        target,
      )
      return random.normal() < threshold
    })
    expect(mean).toBeLessThan(target + error)
    expect(mean).toBeGreaterThan(target - 1 / (count + 1) - error)
  })
})

describe('decisionThreshold', () => {
  it('accepts what is rarely wrong', () => {
    expect(decisionThreshold([0.1, 0.2, 0.3, 0.4], [false, true, false, true], 0.4)).toBe(0.4)
    expect(decisionThreshold([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], 0.2)).toBe(0.2)
    expect(() => decisionThreshold([0.1], [], 0.5)).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
  })

  it('holds for decisions that are wrong more often the less sure they are', () => {
    const random = createRandom(2)
    const decide = () => {
      const uncertainty = random.next()
      return { uncertainty, wrong: random.next() < uncertainty ** 2 }
    }
    const { mean, error } = share(TRIALS, () => {
      const part = Array.from({ length: 60 }, decide)
      const threshold = decisionThreshold(
        part.map(({ uncertainty }) => uncertainty),
        part.map(({ wrong }) => wrong),
        0.1,
      )
      const next = decide()
      return next.wrong && next.uncertainty < threshold
    })
    expect(mean).toBeLessThan(0.1 + error)
    expect(mean).toBeGreaterThan(0.1 - 1 / 61 - error)
  })
})

describe('noMatchThreshold', () => {
  it('agrees with a worked example', () => {
    expect(noMatchThreshold({ unmated: [0.6, 0.5, 0.9, 0.8], mated: [0.1, 0.55, 0.6, 0.7] }, 0.4)).toEqual({
      threshold: 0.6,
      falseMatches: 0.25,
      missed: 0.5,
    })
    expect(noMatchThreshold({ unmated: [1, 2, 3, 4] }, 0.2)).toEqual({
      threshold: 1,
      falseMatches: 0,
      missed: undefined,
    })
    expect(() => noMatchThreshold({ unmated: [] }, 0.4)).toThrow(expect.objectContaining({ code: 'metrics/shape' }))
    expect(() => noMatchThreshold({ unmated: [1], mated: [NaN] }, 0.5)).toThrow(
      expect.objectContaining({ code: 'metrics/not-finite' }),
    )
  })
})

describe('galleryThreshold', () => {
  const ranking = (...positions: number[]) => ({
    positions: Int32Array.from(positions),
    distances: new Float32Array(positions.length),
  })
  /** Error at a threshold, by the definition. */
  const errs = (list: Int32Array, right: ReadonlySet<number>, uncertainty: readonly number[], threshold: number) => {
    if (![...right].some((mate) => uncertainty[mate]! < threshold)) return false
    const first = list.find((position) => uncertainty[position]! < threshold)
    return first === undefined || !right.has(first)
  }

  it('rejects the disturber or the mate, whichever is less sure', () => {
    const truth = { queryLabels: ['a'], galleryLabels: ['a', 'x'] }
    expect(galleryThreshold([ranking(1, 0)], truth, [0.3, 0.7], 0.5)).toBe(0.7)
    expect(galleryThreshold([ranking(1, 0)], truth, [0.7, 0.3], 0.5)).toBe(0.7)
    expect(galleryThreshold([ranking(0, 1)], truth, [0.7, 0.3], 0.5)).toBe(Infinity)
    // The mate stands behind the end of the list.
    expect(galleryThreshold([ranking(1)], truth, [0.8, 0.3], 0.5)).toBe(0.8)
    expect(() => galleryThreshold([ranking(1)], truth, [0.8], 0.5)).toThrow(
      expect.objectContaining({ code: 'metrics/shape' }),
    )
  })

  it('is the lowest threshold above which some query errs, with any number of mates', () => {
    const random = createRandom(4)
    for (let trial = 0; trial < 300; trial++) {
      const gallery = 7
      const galleryLabels = Array.from({ length: gallery }, () => (random.integer(3) === 0 ? 'a' : 'x'))
      const right = new Set(galleryLabels.flatMap((label, position) => (label === 'a' ? [position] : [])))
      if (right.size === 0) continue
      const uncertainty = Array.from({ length: gallery }, () => random.integer(6))
      const list = random.permutation(gallery)
      const find = () =>
        galleryThreshold(
          [{ positions: list, distances: new Float32Array(gallery) }],
          { queryLabels: ['a'], galleryLabels },
          uncertainty,
          0.5,
        )
      // Thresholds between and beyond the values 0 to 5.
      const lowest = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5].find((threshold) => errs(list, right, uncertainty, threshold))
      if (lowest !== undefined && uncertainty.every((value) => value > lowest - 1)) {
        expect(find).toThrow(expect.objectContaining({ code: 'metrics/target' }))
      } else expect(find()).toBe(lowest === undefined ? Infinity : lowest - 0.5)
    }
  })

  it('keeps its promise for new queries of the same gallery', () => {
    const random = createRandom(5)
    const { mean, error } = share(400, () => {
      const gallery = 40
      const uncertainty = Float64Array.from({ length: gallery }, () => random.next())
      const galleryLabels = Array.from({ length: gallery }, (_, position) => position)
      // An unsure mate is found late, an unsure image gets in the way.
      const ask = () => {
        const mate = random.integer(gallery)
        const score = (position: number) =>
          position === mate ? 1.4 - uncertainty[mate]! + 0.4 * random.normal() : uncertainty[position]! * random.next()
        const scores = galleryLabels.map(score)
        const positions = Int32Array.from(galleryLabels).sort((a, b) => scores[b]! - scores[a]!)
        return { mate, ranking: { positions, distances: new Float32Array(gallery) } }
      }
      const part = Array.from({ length: 40 }, ask)
      const threshold = galleryThreshold(
        part.map(({ ranking: one }) => one),
        { queryLabels: part.map(({ mate }) => mate), galleryLabels },
        uncertainty,
        0.1,
      )
      const fresh = Array.from({ length: 25 }, ask)
      return (
        fresh.filter(({ mate, ranking: one }) => errs(one.positions, new Set([mate]), [...uncertainty], threshold))
          .length / fresh.length
      )
    })
    expect(mean).toBeLessThan(0.1 + error)
    expect(mean).toBeGreaterThan(0.04)
  })
})

describe('selectiveThreshold', () => {
  it('accepts everything that is sure enough, equals included', () => {
    const uncertainty = Array.from({ length: 400 }, (_, i) => Math.floor(i / 40))
    const wrong = uncertainty.map((value, i) => value >= 6 && i % 2 === 0)
    const { threshold, coverage, risk, bound } = selectiveThreshold(uncertainty, wrong, { target: 0.1 })
    expect(threshold).toBe(5)
    expect(coverage).toBe(0.6)
    expect(risk).toBe(0)
    // No error among 240: (1 - p)^240 = 0.1 / 20.
    expect(bound).toBeCloseTo(1 - 0.005 ** (1 / 240), 9)
  })

  it('refuses what no share reaches', () => {
    expect(() => selectiveThreshold([1, 2, 3], [0, 0, 0], { target: 0.1 })).toThrow(
      expect.objectContaining({ code: 'metrics/target' }),
    )
    expect(() => selectiveThreshold([1], [0, 1], { target: 0.1 })).toThrow(
      expect.objectContaining({ code: 'metrics/shape' }),
    )
  })

  it('keeps the error among the accepted below the target in nine of ten calibrations', () => {
    const random = createRandom(6)
    // Wrong with the probability of the uncertainty: among those below t it is t / 2.
    const decide = () => {
      const uncertainty = random.next()
      return { uncertainty, wrong: random.next() < uncertainty }
    }
    const { mean, error } = share(150, () => {
      const part = Array.from({ length: 800 }, decide)
      const { threshold } = selectiveThreshold(
        part.map(({ uncertainty }) => uncertainty),
        part.map(({ wrong }) => wrong),
        { target: 0.25 },
      )
      return threshold / 2 > 0.25
    })
    expect(mean).toBeLessThan(0.1 + error)
    // At half of them the error is the target; at a third it is a sixth.
    const part = Array.from({ length: 3000 }, decide)
    const { coverage } = selectiveThreshold(
      part.map(({ uncertainty }) => uncertainty),
      part.map(({ wrong }) => wrong),
      { target: 0.25 },
    )
    expect(coverage).toBeGreaterThan(0.3)
    expect(coverage).toBeLessThan(0.5)
  })
})
