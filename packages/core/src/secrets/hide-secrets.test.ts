import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { LookalikeError, toWarning } from '../errors.js'
import { hideSecrets } from './hide-secrets.js'
import { hideSecretsOfError } from './hide-secrets-of-error.js'

it.each([
  [
    "ENOENT: no such file or directory, open '//user:hunter2@host/a.jpg'",
    "ENOENT: no such file or directory, open '//host/a.jpg'",
  ],
  ['fetch of https://u:p@h/a?token=abc&w=1, then nothing.', 'fetch of https://h/a?token=***&w=1, then nothing.'],
  ['see (http://h/?sig=abc).', 'see (http://h/?sig=***).'],
  ['postgres://me:hunter2@db:5432/x and redis://:hunter2@q failed', 'postgres://db:5432/x and redis://q failed'],
  ['http:user:hunter2@host/x', 'http:host/x'],
  ['at run (file:///work/.pnpm/vitest@4.1.12/a.js:1:2)', 'at run (file:///work/.pnpm/vitest@4.1.12/a.js:1:2)'],
  [
    'photos//me@home.jpg and C:\\\\x@y and node_modules/@a/b@1.0.0',
    'photos//me@home.jpg and C:\\\\x@y and node_modules/@a/b@1.0.0',
  ],
  [
    'webpack://@lookalike/core/a.ts, note: me@home.jpg, a // b @ c',
    'webpack://@lookalike/core/a.ts, note: me@home.jpg, a // b @ c',
  ],
])('takes the secrets out of %s', (text, expected) => {
  expect(hideSecrets(text)).toBe(expected)
})

const address = '//user:my hunter2@host/a.jpg?x'

it('takes them out of what an error is, says about itself, and was caused by', () => {
  const raw = (cause?: unknown) =>
    Object.assign(new TypeError(`no such file, open '${address}'`, { cause }), {
      path: address,
      code: 'ENOENT',
      errno: -2,
    })
  const several = Object.assign(new AggregateError([raw(), new Error('http://u:hunter2@h')], 'both'), {
    input: new URL('http://user:hunter2@host/?token=hunter2'),
  })
  const error = raw(new Error('it', { cause: several }))
  const cleaned = hideSecretsOfError(error) as typeof error
  expect(cleaned).toBeInstanceOf(TypeError)
  expect(cleaned).toMatchObject({
    code: 'ENOENT',
    errno: -2,
    path: '//host/a.jpg?x',
    message: "no such file, open '//host/a.jpg?x'",
  })
  expect(inspect(cleaned, { depth: 9 })).not.toContain('hunter2')
  expect(inspect(cleaned, { depth: 9 })).toContain('http://host/?token=***')
  expect(inspect(error, { depth: 9 })).toContain('hunter2')
})

it('leaves errors without secrets, and what is no error, as they are', () => {
  const error = new Error('http://host/a', { cause: new RangeError('x') })
  Object.assign(error, { self: error })
  for (const each of [error, 7, null, undefined, { message: 1 }]) expect(hideSecretsOfError(each)).toBe(each)
})

it('ends where errors lead back to themselves', () => {
  const error: Error = new Error('http://u:hunter2@h')
  error.cause = error
  expect((hideSecretsOfError(error) as Error).message).toBe('http://h')
})

it('keeps them out of every error and warning', () => {
  const cause = Object.assign(new Error(`open '${address}'`), { path: address })
  const error = new LookalikeError(
    'image/network',
    { problem: 'http://user:hunter2@host/x does not answer', expected: 'postgres://user:password@host:port/database' },
    { fields: { source: address, urls: 2, cause }, cause },
  )
  expect(error.message).toBe('http://host/x does not answer. Expected: postgres://user:password@host:port/database.')
  expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
  expect(JSON.stringify([error, toWarning(error), toWarning(cause, { source: address })])).not.toContain('hunter2')
})
