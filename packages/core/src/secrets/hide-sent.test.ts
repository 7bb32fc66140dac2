import { expect, it } from 'vitest'
import { hideSent } from './hide-sent.js'

it('an answer is told without the credentials that were sent', () => {
  expect(hideSent('no token hf_a+b, hf_a+b', 'Bearer hf_a+b')).toBe('no token ***, ***')
  expect(hideSent('ann: wrong word p:w', `Basic ${btoa('ann:p:w')}`)).toBe('ann: wrong word ***')
  expect(hideSent(`what is ${btoa('ann:pw')}`, `Basic ${btoa('ann:pw')}`)).toBe('what is ***')
  expect(hideSent('told so', `Basic ${btoa('key:')}`)).toBe('told so')
  expect(hideSent('told so', undefined)).toBe('told so')
})
