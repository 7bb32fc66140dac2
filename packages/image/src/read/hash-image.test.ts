import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { hashImage } from './hash-image.js'

it("is the file's SHA-256, however it is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lookalike-hash-'))
  try {
    const bytes = Buffer.from('not even an image')
    await writeFile(join(folder, 'a'), bytes)
    const expected = createHash('sha256').update(bytes).digest('hex')
    expect(await hashImage({ source: bytes })).toBe(expected)
    expect(await hashImage({ source: join(folder, 'a') })).toBe(expected)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('differs by pixels, size and box', async () => {
  const raw = (width: number, height: number, value: number) => ({
    data: new Uint8Array(width * height * 3).fill(value),
    width,
    height,
  })
  const box = { x: 0, y: 0, width: 0.5, height: 1 }
  const hashes = await Promise.all(
    [
      { source: raw(4, 2, 0) },
      { source: raw(2, 4, 0) },
      { source: raw(4, 2, 1) },
      { source: raw(4, 2, 0), box },
      { source: raw(4, 2, 0), box: { ...box, width: 0.25 } },
      { source: raw(4, 2, 0).data },
    ].map((request) => hashImage(request)),
  )
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(await hashImage({ source: raw(4, 2, 0), box })).toBe(hashes[3])
})
