import { expect, it } from 'vitest'
import { parseFilter } from './parse-filter.js'

it('reads keys, alternatives, numbers and truth values', () => {
  expect(parseFilter('label=cat|dog, year=2024,sold=true,link=a=b')).toEqual({
    label: ['cat', 'dog'],
    year: ['2024', 2024],
    sold: ['true', true],
    link: ['a=b'],
  })
})

it('reads bounds', () => {
  expect(parseFilter('price>=5,price < 20, year>1999,weight<=-1.5')).toEqual({
    price: { gte: 5, lt: 20 },
    year: { gt: 1999 },
    weight: { lte: -1.5 },
  })
})

it('takes an object in JSON as it is', () => {
  const filter = { $or: [{ label: ['cat'] }, { sold: { exists: false } }] }
  expect(parseFilter(` ${JSON.stringify(filter)}`)).toEqual(filter)
})

it.each([
  'label',
  '=cat',
  'label=cat,',
  'a=1,a=2',
  'a>1,a>2',
  'a=1,a<2',
  'a<2,a=1',
  'price<cheap',
  'price>',
  '{"a": 1',
  '',
])('refuses "%s"', (text) => {
  expect(() => parseFilter(text)).toThrow(expect.objectContaining({ code: 'cli/filter' }))
})

it('knows no key by what objects inherit', () => {
  expect(parseFilter('constructor=1')).toEqual({ constructor: ['1', 1] })
  expect(Object.entries(parseFilter('__proto__=1'))).toEqual([['__proto__', ['1', 1]]])
})
