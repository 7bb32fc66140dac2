import { expect, it } from 'vitest'
import { mergeChanges } from './merge-changes.js'

it('later changes of an image count more, and what is undefined changes nothing', () => {
  expect(
    mergeChanges([
      { id: 'a', uncertainty: 1, rejected: true },
      { id: 'b', metadata: { price: 1 } },
      { id: 'a', uncertainty: 2, rejected: undefined },
      { id: 'b', metadata: { colour: 'red' } },
    ]),
  ).toEqual([
    { id: 'a', uncertainty: 2, rejected: true },
    { id: 'b', metadata: { colour: 'red' } },
  ])
})
