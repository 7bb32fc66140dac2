import { expect, it } from 'vitest'
import { parseFilter } from './parse-filter.js'

it('reads keys, alternatives, numbers and truth values', () => {
  expect(parseFilter('label=cat|dog, year=2024,sold=true')).toEqual({
    label: ['cat', 'dog'],
    year: ['2024', 2024],
    sold: ['true', true],
  })
})

it.each(['label', '=cat', 'label=cat,'])('refuses "%s"', (text) => {
  expect(() => parseFilter(text)).toThrow(expect.objectContaining({ code: 'cli/filter' }))
})
