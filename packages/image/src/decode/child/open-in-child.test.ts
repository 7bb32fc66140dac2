import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../decode-image.js'
import { openInChild } from './open-in-child.js'

/** A drawing whose filters never end, in a style sheet, where no count finds them. */
const ENDLESS = Buffer.from(
  `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512"><style>feMorphology { color: red } rect { filter: url(#f) }</style><filter id="f" x="-100%" y="-100%" width="500%" height="500%">${'<feMorphology operator="dilate" radius="30"/>'.repeat(26)}</filter>${'<g><rect width="512" height="512"/></g>'.repeat(2000)}</svg>`,
)
const DRAWING = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="9" height="9"/></svg>',
)

describe('images in a process that can be killed', () => {
  it('gives up at the deadline, and goes on with the next image', async () => {
    const start = performance.now()
    const error = await decodeImage({ source: ENDLESS }, { deadline: 300 }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'image/deadline', fields: { deadline: 300 } })
    expect(performance.now() - start).toBeGreaterThanOrEqual(300)
    expect((await decodeImage({ source: DRAWING })).width).toBe(512)
  })

  it('stops at once for a signal, while it decodes and while it waits', async () => {
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    const reason = new Error('enough')
    const all = Array.from({ length: 12 }, () => decodeImage({ source: ENDLESS }, { signal: controller.signal }))
    const settled = Promise.allSettled(all)
    await setTimeout(200)
    controller.abort(reason)
    for (const result of await settled) expect(result).toEqual({ status: 'rejected', reason })
    expect((await decodeImage({ source: DRAWING })).width).toBe(512)
  })

  it('decodes many at once, each as it is', async () => {
    const sizes = Array.from({ length: 30 }, (_, i) => i + 1)
    const images = await Promise.all(
      sizes.map(async (size) => {
        const data = new Uint8Array(size * 3 * 3).fill(size)
        const tiff = await sharp(data, { raw: { width: size, height: 3, channels: 3 } })
          .tiff()
          .toBuffer()
        return decodeImage({ source: tiff })
      }),
    )
    expect(images.map(({ width, data }) => [width, data.length, data[0], data.at(-1)])).toEqual(
      sizes.map((size) => [size, size * 9, size, size]),
    )
  })

  it('ends with what takes more memory than allowed', async () => {
    const large = await sharp({ create: { width: 6000, height: 6000, channels: 3, background: 'red' } })
      .tiff()
      .toBuffer()
    const opened = await openInChild(large, 100 * 2 ** 20, undefined)
    try {
      const steps = [
        ['toColourspace', 'srgb'],
        ['raw', { depth: 'float' }],
      ] as const
      await expect(opened.pixels({}, steps)).rejects.toMatchObject({ code: 'image/memory' })
    } finally {
      opened.close()
    }
    // The process that is about to end is not asked for the next image.
    expect((await decodeImage({ source: DRAWING })).width).toBe(512)
  })

  it('tells of a process that ends', async () => {
    const opened = await openInChild(ENDLESS, 2 ** 32, undefined)
    const header = opened.header({})
    opened.kill()
    await expect(header).rejects.toMatchObject({ code: 'image/decoder-ended' })
    opened.close()
  })
})
