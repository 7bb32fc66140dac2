import { expect, it } from 'vitest'
import { weightAt, weightSchema } from './weight-schedule.js'

it('follows its schedule over the steps', () => {
  const over = (weight: Parameters<typeof weightAt>[0]) =>
    [0, 25, 50, 75, 100].map((step) => Number(weightAt(weight, step, 101).toFixed(6)))
  expect(over(0.3)).toEqual([0.3, 0.3, 0.3, 0.3, 0.3])
  expect(over({ schedule: 'linear', from: 1, to: 0 })).toEqual([1, 0.75, 0.5, 0.25, 0])
  expect(over({ schedule: 'cosine', from: 0, to: 2 })).toEqual([0, 0.292893, 1, 1.707107, 2])
  expect(over({ schedule: 'linear', from: 0, to: 4, begin: 0.25, end: 0.75 })).toEqual([0, 0, 2, 4, 4])
  expect(over({ schedule: 'linear', from: 0, to: 4, begin: 0.5, end: 0.5 })).toEqual([0, 0, 4, 4, 4])
  expect(weightAt({ schedule: 'linear', from: 0, to: 4 }, 0, 1)).toBe(4)
})

it('is strict as an option', () => {
  expect(weightSchema.parse({ schedule: 'linear', from: 0, to: 1 })).toEqual({
    schedule: 'linear',
    from: 0,
    to: 1,
    begin: 0,
    end: 1,
  })
  expect(() => weightSchema.parse({ schedule: 'step', from: 0, to: 1 })).toThrow()
  expect(() => weightSchema.parse({ schedule: 'linear', from: 0, to: 1, until: 1 })).toThrow()
})
