import { expect, it } from 'vitest'
import { describeSource } from './describe-source.js'

it.each([
  ['photos/a?token=b.jpg', 'photos/a?token=b.jpg'],
  ['https://host/a.jpg', 'https://host/a.jpg'],
  ['https://host/a.jpg?width=300&id=7', 'https://host/a.jpg?width=300&id=7'],
  ['http://user:secret@host:1/x.png?token=abc', 'http://host:1/x.png?token=***'],
  ['http://us@er:sec@ret@host/x.png', 'http://host/x.png'],
  ['HTTPS://user@host', 'HTTPS://host'],
  [
    'https://host/a?X-Amz-Signature=0123&X-Amz-Credential=a%2Fb&w=1#secret',
    'https://host/a?X-Amz-Signature=***&X-Amz-Credential=***&w=1',
  ],
  ['https://host/a?x=0123456789abcdef0123456789abcdef', 'https://host/a?x=***'],
  ['http://user:secret@[::bad/x', 'http://[::bad/x'],
  ['ftp://user:secret@host/x', 'ftp://host/x'],
  ['http:user:secret@host/x', 'http:host/x'],
  ['https:/user:secret@host/x', 'https:/host/x'],
  ['http:\\\\user:secret@host\\x', 'http:\\\\host\\x'],
  ['  http://user:secret@host/x', '  http://host/x'],
  ['ht\ntp://user:secret@host/x', 'ht\ntp://host/x'],
  ['//user:secret@host/x?a=b#c', '//host/x?a=b#c'],
  ['\\\\server\\share\\a #1?.jpg', '\\\\server\\share\\a #1?.jpg'],
  ['s3://b/x?X-Amz-Security-Token=secret', 's3://b/x?X-Amz-Security-Token=***'],
  ['notes:me@home.jpg', 'notes:me@home.jpg'],
  [`data:image/png;base64,${'A'.repeat(100)}`, 'data:image/png;base64,AAAAAAAAAAAAAAAAAA... (122 characters)'],
])('names %s as %s', (source, expected) => {
  expect(describeSource(source)).toBe(expected)
  if (/^https?:\/\/[^[]*$/i.test(source)) expect(describeSource(new URL(source))).not.toMatch(/secret|sec@|abc/)
})
