import { describe, expect, it } from 'vitest'
import { describePreprocessing, preprocessingSchema } from './preprocessing-schema.js'

const given = { resize: { mode: 'shortest-edge', size: 248 }, crop: { width: 224, height: 224 } } as const

describe('preprocessingSchema', () => {
  it("fills ImageNet's defaults in and survives a round trip through JSON", () => {
    const spec = preprocessingSchema.parse(given)
    expect(spec).toMatchObject({
      ...given,
      interpolation: 'bicubic',
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      layout: 'nchw',
    })
    expect(preprocessingSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  })

  it.each([
    { ...given, sise: 224 },
    { ...given, resize: { mode: 'pad', size: 3 } },
    { ...given, crop: { width: 0, height: 224 } },
    { ...given, std: [1, 0, 1] },
    { ...given, interpolation: 'cubic' },
    { ...given, background: [0, 0, 256] },
  ])('refuses %j', (spec) => expect(preprocessingSchema.safeParse(spec).success).toBe(false))
})

describe('describePreprocessing', () => {
  it('differs whenever a field does', () => {
    const base = preprocessingSchema.parse(given)
    const others = [
      { resize: { mode: 'shortest-edge', size: 256 } },
      { resize: { mode: 'squash' } },
      { resize: { mode: 'squash', width: 256 } },
      { resize: { mode: 'pad' } },
      { crop: { width: 224, height: 200 } },
      { interpolation: 'bilinear' },
      { background: [0, 0, 0] },
      { scale: 1 },
      { mean: [0, 0, 0] },
      { std: [1, 1, 1] },
      { channels: 'bgr' },
      { layout: 'nhwc' },
    ].map((change) => describePreprocessing(preprocessingSchema.parse({ ...given, ...change })))
    expect(new Set([describePreprocessing(base), ...others]).size).toBe(others.length + 1)
    expect(describePreprocessing(base)).toMatch(/^shortest-edge 248 bicubic, crop 224x224, background 255 255 255/)
  })
})
