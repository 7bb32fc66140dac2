import { describe, expect, it } from 'vitest'
import { preprocessingGeometry } from './preprocessing-geometry.js'

const crop = { width: 224, height: 224 }
const shortest = (width: number, height: number, size = 256) =>
  preprocessingGeometry(width, height, { resize: { mode: 'shortest-edge', size }, crop })

describe('preprocessingGeometry', () => {
  it('truncates the longer edge and rounds half offsets to even, as torchvision does', () => {
    // int(256 * 500 / 375) = 341; round((341 - 224) / 2 = 58.5) = 58.
    expect(shortest(500, 375)).toMatchObject({
      width: 341,
      height: 256,
      window: { left: 58, top: 16, width: 224, height: 224 },
      left: 0,
      top: 0,
    })
    // 59.5 goes to 60.
    expect(shortest(343, 256).window.left).toBe(60)
    expect(shortest(375, 500)).toMatchObject({ width: 256, height: 341 })
  })

  it('pads with the smaller half first when the crop is bigger', () => {
    const { width, height, window, left, top } = shortest(300, 100, 101)
    expect([width, height]).toEqual([303, 101])
    expect(window).toEqual({ left: 40, top: 0, width: 224, height: 101 })
    expect([left, top]).toEqual([0, 61])
  })

  it('squashes to the crop or to a given size', () => {
    expect(preprocessingGeometry(50, 900, { resize: { mode: 'squash' }, crop })).toMatchObject({
      width: 224,
      height: 224,
    })
    expect(preprocessingGeometry(50, 900, { resize: { mode: 'squash', width: 256, height: 240 }, crop })).toMatchObject(
      {
        width: 256,
        height: 240,
        window: { left: 16, top: 8, width: 224, height: 224 },
      },
    )
  })

  it('fits the whole image in when padding, at least one pixel of it', () => {
    const pad = (width: number, height: number) =>
      preprocessingGeometry(width, height, { resize: { mode: 'pad' }, crop })
    expect(pad(100, 50)).toMatchObject({ width: 224, height: 112, left: 0, top: 56 })
    expect(pad(5000, 1)).toMatchObject({ width: 224, height: 1, top: 111 })
  })
})
