import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.doUnmock('sharp')
  vi.resetModules()
})

it('says how to install the decoder, and leaves raw pixels working without it', async () => {
  vi.resetModules()
  vi.doMock('sharp', () => {
    throw new Error("Cannot find package 'sharp'")
  })
  const { decodeImage } = await import('./decode-image.js')
  const png = Buffer.from('\x89PNG\r\n\x1a\n....', 'latin1')
  await expect(decodeImage({ source: png })).rejects.toMatchObject({
    code: 'image/decoder-missing',
    message: expect.stringContaining('npm install sharp'),
  })
  const raw = { data: new Uint8Array(3), width: 1, height: 1 }
  expect(await decodeImage({ source: raw })).toBe(raw)
})
