import { type Augmentation, createRandom, type RawImage } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { affine } from './affine.js'
import { blur } from './blur.js'
import { channelShuffle } from './channel-shuffle.js'
import { colorJitter } from './color-jitter.js'
import { degrade } from './degrade.js'
import { erasing } from './erasing.js'
import { flip } from './flip.js'
import { grayscale } from './grayscale.js'
import { invert } from './invert.js'
import { luma } from './luma.js'
import { randomResizedCrop } from './random-resized-crop.js'
import { rotation } from './rotation.js'
import { inverseMap, warp } from './warp.js'

const target = { width: 10, height: 8 }
const random = createRandom('image')
const image: RawImage = {
  data: Uint8Array.from({ length: 20 * 14 * 3 }, () => random.integer(256)),
  width: 20,
  height: 14,
}
const apply = (augmentation: Augmentation, seed: number | string = 0, of = image) =>
  augmentation.apply(of, createRandom(seed), target) as RawImage
const uniform = (r: number, g: number, b: number): RawImage => ({
  data: Uint8Array.from({ length: 12 * 12 * 3 }, (_, i) => [r, g, b][i % 3]!),
  width: 12,
  height: 12,
})
const pixel = ({ data, width }: RawImage, x: number, y: number) => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
]

describe.each([
  ['affine', affine({ stretch: 1.3 })],
  ['blur', blur({ probability: 1 })],
  ['channel-shuffle', channelShuffle({ probability: 1 })],
  ['color-jitter', colorJitter()],
  ['degrade', degrade()],
  ['erasing', erasing({ probability: 1 })],
  ['flip', flip({ probability: 1 })],
  ['grayscale', grayscale({ probability: 1 })],
  ['invert', invert({ probability: 1 })],
  ['random-resized-crop', randomResizedCrop()],
  ['rotation', rotation()],
])('%s', (name, augmentation) => {
  it('follows the seed, leaves its input alone and gives a whole image', () => {
    const before = image.data.slice()
    const once = apply(augmentation, 7)
    expect(apply(augmentation, 7)).toEqual(once)
    expect(image.data).toEqual(before)
    expect(once.data).not.toEqual(image.data)
    expect(once.data).toHaveLength(once.width * once.height * 3)
    expect([once.width, once.height]).toEqual(name === 'random-resized-crop' ? [10, 8] : [20, 14])
  })
})

describe('augmentations change what they say', () => {
  it.each([flip, grayscale, invert, blur, degrade, erasing, channelShuffle, affine, rotation, colorJitter])(
    'nothing at probability 0: %o',
    (make) => {
      expect(apply(make({ probability: 0 }))).toBe(image)
    },
  )

  it('flip mirrors; twice is the image', () => {
    const across = apply(flip({ probability: 1 }))
    expect(pixel(across, 0, 3)).toEqual(pixel(image, 19, 3))
    const down = apply(flip({ probability: 1, axis: 'vertical' }))
    expect(pixel(down, 4, 0)).toEqual(pixel(image, 4, 13))
    expect(apply(flip({ probability: 1 }), 0, across)).toEqual(image)
  })

  it('random-resized-crop keeps an even image even, and the whole image at scale and ratio 1', () => {
    expect(pixel(apply(randomResizedCrop(), 0, uniform(10, 20, 30)), 5, 5)).toEqual([10, 20, 30])
    const square = { ...uniform(0, 0, 0), data: Uint8Array.from({ length: 432 }, (_, i) => i % 251) }
    const whole = randomResizedCrop({ scale: [1, 1], ratio: [1, 1] }).apply(square, createRandom(0), {
      width: 12,
      height: 12,
    }) as RawImage
    expect(whole.data).toEqual(square.data)
    const strip: RawImage = { data: new Uint8Array(200 * 3).fill(9), width: 200, height: 1 }
    expect(apply(randomResizedCrop({ scale: [0.9, 1] }), 0, strip).data.every((value) => value === 9)).toBe(true)
  })

  it('grayscale keeps the lightness', () => {
    const grey = apply(grayscale({ probability: 1 }))
    expect(pixel(grey, 6, 6)).toEqual(Array<number>(3).fill(luma(image.data, (6 * 20 + 6) * 3)))
  })

  it('color-jitter: hue turns keep the strongest and weakest channel values, brightness scales', () => {
    const turned = pixel(
      apply(colorJitter({ brightness: 0, contrast: 0, saturation: 0, hue: 0.5 }), 3, uniform(200, 80, 40)),
      0,
      0,
    )
    expect(Math.max(...turned)).toBe(200)
    expect(Math.min(...turned)).toBe(40)
    expect(turned).not.toEqual([200, 80, 40])
    const [r, g, b] = pixel(
      apply(colorJitter({ brightness: 0.4, contrast: 0, saturation: 0, hue: 0 }), 1, uniform(100, 50, 20)),
      0,
      0,
    )
    expect(r! / g!).toBeCloseTo(2, 1)
    expect(g! / b!).toBeCloseTo(2.5, 0)
    const grey = apply(colorJitter({ brightness: 0, contrast: 0, saturation: 1, hue: 0 }), 2, uniform(90, 90, 90))
    expect(pixel(grey, 0, 0)).toEqual([90, 90, 90])
  })

  it('warp: no motion is the image, a quarter turn turns, a shift shifts and fills', () => {
    const still = { angle: 0, scale: 1, shear: 0, shiftX: 0, shiftY: 0 }
    expect(warp(image, inverseMap(image, still), [0, 0, 0])).toEqual(image)
    const square: RawImage = { data: image.data.slice(0, 12 * 12 * 3), width: 12, height: 12 }
    const turned = warp(square, inverseMap(square, { ...still, angle: Math.PI / 2 }), [0, 0, 0])
    // Clockwise: the left column becomes the top row, read from below.
    expect(pixel(turned, 11, 0)).toEqual(pixel(square, 0, 0))
    expect(pixel(turned, 0, 0)).toEqual(pixel(square, 0, 11))
    const shifted = warp(image, inverseMap(image, { ...still, shiftX: 3, shiftY: 2 }), [1, 2, 3])
    expect(pixel(shifted, 5, 7)).toEqual(pixel(image, 2, 5))
    expect(pixel(shifted, 1, 7)).toEqual([1, 2, 3])
    const even = warp(uniform(7, 8, 9), inverseMap(uniform(7, 8, 9), { ...still, scale: 2, shear: 0.2 }), [0, 0, 0])
    expect(even).toEqual(uniform(7, 8, 9))
  })

  it('erasing takes a rectangle of the asked area', () => {
    const erased = apply(
      erasing({ probability: 1, scale: [0.2, 0.2], ratio: [1, 1], fill: [0, 0, 0] }),
      0,
      uniform(9, 9, 9),
    )
    const share = erased.data.filter((value) => value === 0).length / erased.data.length
    expect(share).toBeCloseTo(0.2, 1)
  })

  describe('degrade', () => {
    const contrast = ({ data }: RawImage) => {
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length
      return data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length
    }
    it.each(['blur', 'low-resolution'] as const)('%s takes the fine differences away', (fault) => {
      const spoilt = apply(degrade({ faults: [fault], blur: [0.1, 0.1], lowResolution: [0.1, 0.1] }))
      expect(contrast(spoilt)).toBeLessThan(contrast(image) / 4)
      expect(apply(degrade({ faults: [fault] }), 0, uniform(50, 60, 70))).toEqual(uniform(50, 60, 70))
    })

    it('occlusion hides the asked area behind one colour', () => {
      const spoilt = apply(degrade({ faults: ['occlusion'], occlusion: [0.5, 0.5] }), 3)
      const changed = Array.from({ length: 280 }, (_, i) => i).filter((i) =>
        [0, 1, 2].some((channel) => spoilt.data[i * 3 + channel] !== image.data[i * 3 + channel]),
      )
      expect(changed.length / 280).toBeCloseTo(0.5, 1)
      expect(new Set(changed.map((i) => pixel(spoilt, i % 20, Math.floor(i / 20)).join())).size).toBe(1)
    })

    it('wrong-crop shows a part at full size', () => {
      const left: RawImage = {
        data: Uint8Array.from({ length: 20 * 14 * 3 }, (_, i) => (Math.floor(i / 3) % 20 < 10 ? 0 : 200)),
        width: 20,
        height: 14,
      }
      const shares = Array.from({ length: 40 }, (_, seed) => {
        const { data } = apply(degrade({ faults: ['wrong-crop'], wrongCrop: [0.04, 0.04] }), seed, left)
        return data.filter((value) => value > 100).length / data.length
      })
      expect(shares.filter((share) => share === 0 || share === 1).length).toBeGreaterThan(20)
    })

    it('each fault comes as often, and a share above 1 is refused', () => {
      const even = uniform(50, 60, 70)
      const stream = createRandom('faults')
      const hidden = Array.from({ length: 1000 }, () => degrade().apply(even, stream, target) as RawImage).filter(
        ({ data }) => !data.every((value, i) => value === even.data[i]),
      )
      expect(hidden.length / 1000).toBeCloseTo(1 / 4, 1)
      expect(() => degrade({ occlusion: [0.5, 1.5] })).toThrow()
      expect(() => degrade({ faults: ['blur', 'blur'] })).toThrow('twice')
    })
  })

  it('blur keeps an even image and the mean, invert and channel-shuffle keep what they must', () => {
    expect(pixel(apply(blur({ probability: 1, sigma: [1, 1] }), 0, uniform(50, 60, 70)), 3, 3)).toEqual([50, 60, 70])
    expect(pixel(apply(invert({ probability: 1 })), 2, 2)).toEqual(pixel(image, 2, 2).map((value) => 255 - value))
    expect(pixel(apply(channelShuffle({ probability: 1 }), 5), 2, 2).sort()).toEqual(pixel(image, 2, 2).sort())
  })
})
