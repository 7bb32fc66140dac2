import { describe, expect, it } from 'vitest'
import { proposals } from './proposals.js'
import { describeTrial } from './try-images.js'

function trialOf(recalls: readonly number[], best?: number, all = { images: 480, classes: 20 }) {
  const encoders = recalls.map((recall, at) => ({
    name: ['builtin', 'mini'][at]!,
    recall,
    clearlyBest: at === best,
  }))
  const trial = { images: 200, classes: 25, chance: 0.035, all, encoders }
  return { ...trial, proposals: proposals(trial) }
}

describe('proposals', () => {
  const of = (...given: Parameters<typeof trialOf>) => trialOf(...given).proposals.map(({ what }) => what)

  it('are nothing more where the default is good', () => {
    expect(of([0.97, 0.6], 0)).toEqual(['good-enough'])
  })
  it('name the other encoder only where it is clearly better', () => {
    expect(of([0.6, 0.96], 1)).toEqual(['encoder', 'good-enough'])
    expect(of([0.6, 0.63])).toEqual(['larger-encoder', 'head'])
  })
  it('ask for a head only where there are enough classes and images', () => {
    expect(of([0.4, 0.3], 0, { images: 480, classes: 6 })).toEqual(['larger-encoder'])
    expect(of([0.4, 0.3], 0, { images: 100, classes: 20 })).toEqual(['larger-encoder'])
  })
})

it('a trial is told in words', () => {
  const text = describeTrial(trialOf([0.334, 0.136], 0, { images: 1487, classes: 30 }))
  expect(text).toContain('200 of the 1487 images, of 25 of the 30 classes')
  expect(text).toContain('by chance: 3.5 %')
  expect(text).toMatch(/builtin +33\.4\nmini +13\.6/)
  expect(text).toContain('of 100 images, builtin finds the class of 33')
  expect(describeTrial(trialOf([0.5, 0.5], undefined, { images: 200, classes: 25 }))).not.toContain('Among all')
  expect(describeTrial(trialOf([0.5, 0.4], 0, { images: 480, classes: 25 }))).toContain('of all 25 classes')
})
