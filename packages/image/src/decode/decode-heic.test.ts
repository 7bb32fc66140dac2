import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

const source = fileURLToPath(new URL('../../fixtures/files/plain.heic', import.meta.url))
const decoderAt = (place: string | undefined) =>
  vi.doMock('./child/decoder-process.js', async (original) => {
    const real = await original<typeof import('./child/decoder-process.js')>()
    const resolvePackage = (name: string) => (name === 'heic-decode' ? place : real.resolvePackage(name))
    return { ...real, resolvePackage, startDecoderProcess: () => real.startDecoderProcess(resolvePackage) }
  })
beforeEach(() => vi.resetModules())
afterEach(() => vi.doUnmock('./child/decoder-process.js'))

it('names HEIC, with what to do', async () => {
  decoderAt(undefined)
  const { decodeImage } = await import('./decode-image.js')
  await expect(decodeImage({ source })).rejects.toMatchObject({
    code: 'image/unsupported',
    message: expect.stringMatching(/plain\.heic is a HEIC image.*npm install heic-decode.*JPEG/s),
  })
})

it('reads HEIC by heic-decode, where it is installed', async () => {
  const place = path.join(tmpdir(), `heic-decode-${process.pid}.cjs`)
  // As that package: RGBA of the whole image.
  await writeFile(
    place,
    `module.exports = async ({ buffer }) => ({ width: 96, height: 64, data: new Uint8ClampedArray(96 * 64 * 4).fill(buffer.length === 972 ? 255 : 0).fill(7, 0, 3) })`,
  )
  decoderAt(place)
  const { decodeImage } = await import('./decode-image.js')
  const { width, height, data } = await decodeImage({ source })
  expect([width, height, data.length, ...data.subarray(0, 6)]).toEqual([96, 64, 96 * 64 * 3, 7, 7, 7, 255, 255, 255])
  await expect(decodeImage({ source }, { maxPixels: 100 })).rejects.toMatchObject({ code: 'image/too-many-pixels' })
})
