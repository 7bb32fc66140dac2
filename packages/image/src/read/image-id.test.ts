import path from 'node:path'
import { expect, it } from 'vitest'
import { imageId } from './image-id.js'

it('is the path from the root, with forward slashes, on every system', () => {
  expect(imageId('/shop', '/shop/photos/cat.jpg', path.posix)).toBe('photos/cat.jpg')
  expect(imageId('/shop/gallery', '/shop/photos/cat.jpg', path.posix)).toBe('../photos/cat.jpg')
  expect(imageId('/shop', '/shop/a\\b.jpg', path.posix)).toBe('a\\b.jpg')
  expect(imageId('C:\\shop', 'C:\\shop\\photos\\cat.jpg', path.win32)).toBe('photos/cat.jpg')
  expect(imageId('C:\\shop', 'D:\\photos\\cat.jpg', path.win32)).toBe('D:/photos/cat.jpg')
})
