import path from 'node:path'
import { expect, it } from 'vitest'
import { confineSource } from './confine-source.js'

const root = path.resolve('/data/set')

it.each([
  ['a.jpg', path.join(root, 'a.jpg')],
  ['b/../a.jpg', path.join(root, 'a.jpg')],
  ['./b/..c.jpg', path.join(root, 'b', '..c.jpg')],
  [path.join(root, 'a.jpg'), path.join(root, 'a.jpg')],
  ['https://host/a.jpg', 'https://host/a.jpg'],
  ['data:image/png;base64,AA==', 'data:image/png;base64,AA=='],
])('lets %s through', (source, expected) => {
  expect(confineSource(source, { root })).toBe(expected)
})

it.each([
  '../a.jpg',
  'b/../../a.jpg',
  '..\\a.jpg',
  'b\\..\\..\\a.jpg',
  '/etc/passwd',
  '/data/set2/a.jpg',
  '/data/set/../a.jpg',
  'file:///etc/passwd',
  'FILE:/etc/passwd',
  'file:a.jpg',
  '//host/share/a.jpg',
  '\\\\host\\share\\a.jpg',
  'C:\\a.jpg',
  'ftp://host/a.jpg',
  'javascript:alert(1)',
  'a.jpg\0.png',
  '.',
  '',
])('keeps %s out', (source) => {
  expect(() => confineSource(source, { root })).toThrow(expect.objectContaining({ code: 'image/not-allowed' }))
})

it('lets files of other folders through that are named', () => {
  const paths = [path.resolve('/photos')]
  expect(confineSource('/photos/a.jpg', { root, paths })).toBe(path.resolve('/photos/a.jpg'))
  expect(confineSource('../../photos/b/a.jpg', { root, paths })).toBe(path.resolve('/photos/b/a.jpg'))
  for (const source of [
    '../a.jpg',
    '/photos/../a.jpg',
    '/photos2/a.jpg',
    '/photos',
    'file:///photos/a.jpg',
    '/photos/b\\..\\..\\a.jpg',
  ])
    expect(() => confineSource(source, { root, paths })).toThrow(expect.objectContaining({ code: 'image/not-allowed' }))
})
