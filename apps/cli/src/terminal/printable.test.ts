import { expect, it } from 'vitest'
import { printable } from './printable.js'

it('spells out what would steer a terminal, and leaves letters alone', () => {
  expect(printable('\u001b[31mred\u0007')).toBe('\\u001b[31mred\\u0007')
  expect(printable('a\nb\r\tc')).toBe('a\\nb\\r\\tc')
  expect(printable('a\nb\r', 'keep')).toBe('a\nb\\r')
  expect(printable('gpj.\u202ecat')).toBe('gpj.\\u202ecat')
  expect(printable('\u009b31m')).toBe('\\u009b31m')
  expect(printable('Übersee 日本 🐈')).toBe('Übersee 日本 🐈')
})
