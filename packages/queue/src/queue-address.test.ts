import { describe, expect, it } from 'vitest'
import { parseQueueAddress } from './queue-address.js'

describe('the address of a queue', () => {
  it.each([
    ['redis://localhost', 'redis://localhost:6379', { host: 'localhost', port: 6379 }],
    ['redis://[::1]:7000/3', 'redis://[::1]:7000/3', { host: '::1', port: 7000, db: 3 }],
    ['redis://:p%40ss@h', 'redis://h:6379', { host: 'h', port: 6379, password: 'p@ss' }],
    [
      'rediss://me:secret@h:1/0',
      'rediss://h:1/0',
      { host: 'h', port: 1, db: 0, username: 'me', password: 'secret', tls: {} },
    ],
  ])('%s', (text, name, options) => {
    expect(parseQueueAddress(text)).toEqual({ name, options })
  })

  it.each(['', 'localhost:6379', 'http://h', 'redis://', 'redis://h/jobs', 'redis:', 'amqp://me:secret@h'])(
    'is not %s',
    (text) => {
      expect(() => parseQueueAddress(text)).toThrow(expect.objectContaining({ code: 'queue/address' }))
    },
  )

  it('keeps passwords to itself, also where it is wrong', () => {
    for (const text of ['redis://me:secret@h/jobs', 'redsi://me:secret@h', 'me:secret@h', 'redis://me:se@cret@'])
      expect(() => parseQueueAddress(text)).toThrow(expect.not.objectContaining({ message: /secret|cret/ }))
  })
})
