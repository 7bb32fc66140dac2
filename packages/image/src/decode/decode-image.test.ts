import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { crc32, deflateSync } from 'node:zlib'
import { createRandom, type ImageSource, type RawImage, type Warning } from '@lookalike/core'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeImage } from './decode-image.js'
import type { DecodeOptions } from './decode-options.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lookalike-image-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Left half red, right half blue, a green corner at the top left. */
function picture(width = 48, height = 32): RawImage {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const channel = x < width / 4 && y < height / 4 ? 1 : x < width / 2 ? 0 : 2
      data[(y * width + x) * 3 + channel] = 255
    }
  return { data, width, height }
}
const encode = (image = picture()): Sharp =>
  sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
const at = ({ data, width, height }: RawImage, x: number, y: number) => {
  const from = (Math.floor(y * height) * width + Math.floor(x * width)) * 3
  return [...data.subarray(from, from + 3)].map((value) => Math.round(value / 255))
}
const strongest = ({ data, width, height }: RawImage, x: number, y: number) => {
  const from = (Math.floor(y * height) * width + Math.floor(x * width)) * 3
  const pixel = [...data.subarray(from, from + 3)]
  return pixel.indexOf(Math.max(...pixel))
}
const failure = async (source: ImageSource, options?: DecodeOptions) =>
  decodeImage({ source }, options).then(
    () => ({ code: 'none', message: '', fields: {} }),
    (error: unknown) => error as { code: string; message: string },
  )

const withWarnings = async (source: ImageSource, options: DecodeOptions = {}) => {
  const warnings: Warning[] = []
  const image = await decodeImage({ source }, { ...options, onWarning: (warning) => warnings.push(warning) })
  return { image, warnings }
}
const sum = ({ data }: RawImage) => data.reduce((total, value) => total + value, 0)
const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/files/${name}`, import.meta.url))

describe('decodeImage', () => {
  it.each([
    ['JPEG', (image: Sharp) => image.jpeg()],
    ['progressive JPEG', (image: Sharp) => image.jpeg({ progressive: true })],
    ['CMYK JPEG', (image: Sharp) => image.toColourspace('cmyk').jpeg()],
    ['PNG', (image: Sharp) => image.png()],
    ['palette PNG', (image: Sharp) => image.png({ palette: true })],
    ['16-bit PNG', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['WebP', (image: Sharp) => image.webp()],
    ['AVIF', (image: Sharp) => image.avif({ effort: 0 })],
    ['TIFF', (image: Sharp) => image.tiff({ compression: 'lzw' })],
    ['GIF', (image: Sharp) => image.gif()],
  ] as const)('reads %s from bytes, a path without its ending, and file and data URLs', async (name, format) => {
    const bytes = await format(encode()).toBuffer()
    const path = join(folder, name.replace(' ', '-'))
    await writeFile(path, bytes)
    const data = `data:image/any;base64,${bytes.toString('base64')}`
    for (const source of [bytes, new Uint8Array(bytes), path, pathToFileURL(path), pathToFileURL(path).href, data]) {
      const image = await decodeImage({ source })
      expect([image.width, image.height, image.data.length]).toEqual([48, 32, 48 * 32 * 3])
      // Printing inks have no pure green, so only the strongest channel is compared.
      expect([strongest(image, 0.1, 0.1), strongest(image, 0.3, 0.9), strongest(image, 0.9, 0.1)]).toEqual([1, 0, 2])
    }
  })

  it('reads grey, with 8 and 16 bits', async () => {
    for (const space of ['b-w', 'grey16']) {
      const bytes = await sharp({ create: { width: 5, height: 4, channels: 3, background: '#808080' } })
        .toColourspace(space)
        .png()
        .toBuffer()
      expect((await sharp(bytes).metadata()).channels).toBe(1)
      expect(await decodeImage({ source: bytes })).toMatchObject({ width: 5, height: 4, data: Buffer.alloc(60, 128) })
    }
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('turns EXIF orientation %i upright', async (orientation) => {
    const bytes = await encode().withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer()
    const image = await decodeImage({ source: bytes })
    // Where the top left corner of the stored pixels goes.
    const corner = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ][orientation - 1]!
    expect([image.width, image.height]).toEqual(orientation < 5 ? [48, 32] : [32, 48])
    expect(at(image, 0.1 + corner[0]! * 0.8, 0.1 + corner[1]! * 0.8)).toEqual([0, 1, 0])
  })

  it('takes the first frame of an animation', async () => {
    const frames = Buffer.concat([picture(8, 8).data, new Uint8Array(192).fill(255)])
    const bytes = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer()
    expect((await sharp(bytes).metadata()).pages).toBe(2)
    const image = await decodeImage({ source: bytes })
    expect([image.width, image.height, at(image, 0.9, 0.9)]).toEqual([8, 8, [0, 0, 1]])
  })

  it('flattens alpha on the background, white by default', async () => {
    const pixels = Uint8Array.from([100, 150, 200, 0, 100, 150, 200, 128, 100, 150, 200, 255])
    const source = await sharp(pixels, { raw: { width: 3, height: 1, channels: 4 } })
      .png()
      .toBuffer()
    // (100 * 128 + 255 * 127) / 255 = 177.2, and so on.
    expect([...(await decodeImage({ source })).data]).toEqual([255, 255, 255, 177, 202, 227, 100, 150, 200])
    expect([...(await decodeImage({ source }, { background: [0, 10, 20] })).data]).toEqual([
      0, 10, 20, 50, 80, 110, 100, 150, 200,
    ])
  })

  it('draws SVG large enough for any model, without reading other files', async () => {
    const secret = join(folder, 'secret.png')
    await writeFile(secret, await encode().png().toBuffer())
    const drawing = (
      href: string,
    ) => `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 12">
      <rect width="12" height="12" fill="#f00"/><image x="12" width="12" height="12" href="${href}" xlink:href="${href}"/></svg>`
    for (const href of [pathToFileURL(secret).href, secret, 'secret.png']) {
      const path = join(folder, 'drawing.svg')
      await writeFile(path, drawing(href))
      const image = await decodeImage({ source: path })
      expect([image.width, image.height]).toEqual([512, 256])
      expect([at(image, 0.2, 0.5), at(image, 0.6, 0.9), at(image, 0.9, 0.5)]).toEqual([
        [1, 0, 0],
        [1, 1, 1],
        [1, 1, 1],
      ])
    }
  })

  it('draws an SVG of any size 512 pixels long', async () => {
    const image = await decodeImage({ source: fixture('svg_huge.svg') }, { maxPixels: 512 * 512 })
    expect([image.width, image.height, at(image, 0.1, 0.1), at(image, 0.5, 0.5)]).toEqual([
      512,
      512,
      [1, 1, 1],
      [0, 0, 0],
    ])
  })

  it('draws lines however thin, and says where a drawing is too large', async () => {
    const drawing = (width: string, height: string) =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%"/></svg>`,
      )
    for (const [width, height] of [
      ['2000', '1'],
      ['1', '32767'],
      ['400in', '1px'],
    ] as const) {
      const image = await decodeImage({ source: drawing(width, height) })
      expect([image.width, image.height].sort((a, b) => a - b)).toEqual([1, 512])
      expect(at(image, 0.5, 0.5)).toEqual([0, 0, 0])
    }
    for (const [width, height] of [
      ['40000', '1'],
      ['1', '40000'],
      ['1000000cm', '1cm'],
      ['1e9', '1'],
      ['1e9px', '1e9px'],
    ] as const)
      expect(await failure(drawing(width, height)), width).toMatchObject({
        code: 'image/too-many-pixels',
        message: expect.stringContaining('at most 32,767 pixels a side') as unknown,
      })
  })

  it.each(['sos_se0.jpg', 'sos_al1.jpg'])('reads %s, which decoders only warn of, as Pillow does', async (name) => {
    const { image, warnings } = await withWarnings(fixture(name))
    expect(warnings).toMatchObject([{ code: 'image/damaged', fields: { source: fixture(name) } }])
    expect([...image.data.subarray(0, 6), sum(image)]).toEqual([0, 3, 0, 0, 3, 0, 2_344_561])
  })

  it('reads a JPEG that lacks its end marker alone as the whole file', async () => {
    const { image, warnings } = await withWarnings(fixture('cut2.jpg'))
    expect(Buffer.compare(image.data, (await decodeImage({ source: fixture('plain.jpg') })).data)).toBe(0)
    expect(warnings.map(({ code }) => code)).toEqual(['image/truncated'])
  })

  it('takes the first page and frame, however many there are', async () => {
    const red = picture(8, 8)
    const gif = await sharp(Buffer.concat([red.data, red.data]), {
      raw: { width: 8, height: 16, channels: 3, pageHeight: 8 },
    })
      .gif()
      .toBuffer()
    const frame = gif.subarray(gif.indexOf(0x2c, 13 + 3 * 2 ** ((gif[10]! & 7) + 1)))
    for (const bytes of [
      Buffer.concat([gif.subarray(0, -1), ...Array.from({ length: 2000 }, () => frame.subarray(0, -1))]),
      gif,
    ]) {
      const { image, warnings } = await withWarnings(bytes)
      expect([image.width, image.height, warnings]).toEqual([8, 8, []])
    }
  })

  it('cuts a box out of the upright image', async () => {
    const image = picture()
    const right = await decodeImage({ source: image, box: { x: 0.5, y: 0.25, width: 0.5, height: 0.5 } })
    expect([right.width, right.height, at(right, 0, 0)]).toEqual([24, 16, [0, 0, 1]])
    const dot = await decodeImage({ source: image, box: { x: 0.999, y: 0.999, width: 0.0001, height: 0.0001 } })
    expect([dot.width, dot.height]).toEqual([1, 1])
    for (const box of [
      { x: 0.6, y: 0, width: 0.5, height: 1 },
      { x: 0, y: 0, width: 0, height: 1 },
      { x: -0.1, y: 0, width: 0.5, height: 1 },
      { x: 10, y: 10, width: 100, height: 100 },
      { x: Number.NaN, y: 0, width: 1, height: 1 },
    ])
      await expect(decodeImage({ source: image, box })).rejects.toMatchObject({ code: 'image/box' })
  })

  it('leaves raw pixels as they are, and checks their shape', async () => {
    const image = picture()
    expect(await decodeImage({ source: image })).toBe(image)
    expect(await failure({ ...image, width: 47 })).toMatchObject({ code: 'image/raw-shape' })
    expect(await failure({ data: new Uint8Array(0), width: 0, height: 0 })).toMatchObject({ code: 'image/raw-shape' })
    const shape = { width: 1, height: 1 }
    for (const data of [Float32Array.of(0, 0.5, 1), [1, 2, 3], '123'])
      expect(await failure({ ...shape, data } as never)).toMatchObject({ code: 'image/raw-shape' })
  })

  it.each([null, undefined, 5, true])('takes no source of another type: %s', async (source) => {
    expect(await failure(source as never)).toMatchObject({ code: 'image/source' })
  })

  it.each([
    { deadline: 0 },
    { deadline: Number.NaN },
    { maxPixels: '5' },
    { background: 'white' },
    { background: [1, 2] },
    { truncated: 'maybe' },
    { urls: 'all' },
    { onWarning: 5 },
    { signal: 5 },
  ])('names an option that means nothing: %j', async (options) => {
    const error = await failure(Buffer.from('x'), options as never)
    expect(error).toMatchObject({ code: 'image/options', fields: { option: Object.keys(options)[0] } })
  })

  it('stops for a signal', async () => {
    const reason = new Error('enough')
    await expect(decodeImage({ source: 'nowhere.png' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('decodeImage and bad input', () => {
  const put = async (name: string, content: string | Uint8Array) => {
    const path = join(folder, name)
    await writeFile(path, content)
    return path
  }

  it('names files that cannot be read', async () => {
    const directory = join(folder, 'folder.jpg')
    await mkdir(directory)
    // A link to itself cannot be opened by anyone, the superuser included.
    const loop = join(folder, 'loop.jpg')
    await symlink(loop, loop)
    const empty = await put('empty.jpg', '')
    for (const [path, code] of [
      [join(folder, 'none.jpg'), 'image/not-found'],
      [join(empty, 'below-a-file.jpg'), 'image/not-found'],
      [directory, 'image/is-directory'],
      [empty, 'image/empty'],
      [loop, 'image/unreadable'],
    ] as const) {
      const error = await failure(path)
      expect(error).toMatchObject({ code, fields: { source: path } })
      expect(error.message).toContain(path)
    }
    expect(await failure(new Uint8Array(0))).toMatchObject({ code: 'image/empty' })
    if (process.platform !== 'win32') expect(await failure('/dev/null')).toMatchObject({ code: 'image/not-a-file' })
  })

  it('says what a file that is no image holds', async () => {
    for (const [name, content, what] of [
      ['text.jpg', 'not an image', 'text'],
      ['page.png', '<!doctype html><html></html>', 'an HTML page'],
      ['old.bmp', 'BM123456', 'text'],
      ['noise.jpg', Uint8Array.from([0, 1, 2, 3, 200]), 'unknown content'],
    ] as const) {
      const path = await put(name, content)
      const error = await failure(path)
      expect(error).toMatchObject({ code: 'image/unsupported', fields: { source: path, content: what } })
      expect(error.message).toContain('JPEG, PNG')
    }
  })

  const noisy = () => {
    const random = createRandom(1)
    return encode({ width: 96, height: 64, data: Uint8Array.from({ length: 96 * 64 * 3 }, () => random.integer(256)) })
  }
  it.each([
    ['jpg', (image: Sharp) => image.jpeg()],
    ['progressive.jpg', (image: Sharp) => image.jpeg({ progressive: true })],
    ['png', (image: Sharp) => image.png()],
    ['gif', (image: Sharp) => image.gif()],
  ] as const)('reads what is there of a .%s that ends early, with a warning, or fails', async (ending, format) => {
    const bytes = await format(noisy()).toBuffer()
    const whole = await decodeImage({ source: bytes })
    for (const share of [0.5, 0.8, 0.97]) {
      const path = await put(`cut-${share}.${ending}`, bytes.subarray(0, Math.floor(bytes.length * share)))
      const { image, warnings } = await withWarnings(path)
      expect([image.width, image.height]).toEqual([96, 64])
      // The first rows are there, in the scans of a progressive JPEG that arrived.
      const difference = image.data
        .subarray(0, 288)
        .reduce((total, value, i) => total + Math.abs(value - whole.data[i]!), 0)
      expect(difference / 288).toBeLessThan(ending === 'progressive.jpg' ? 60 : 1)
      expect(warnings).toMatchObject([{ code: 'image/truncated', fields: { source: path } }])
      const error = await failure(path, { truncated: 'fail' })
      expect(error).toMatchObject({ code: 'image/truncated', fields: { source: path } })
      expect(error.message).toContain(path)
    }
    expect(await failure(bytes.subarray(0, 20))).toMatchObject({ code: 'image/truncated' })
  })

  it.each([
    ['webp', (image: Sharp) => image.webp()],
    ['lossless.webp', (image: Sharp) => image.webp({ lossless: true })],
    ['tif', (image: Sharp) => image.tiff({ compression: 'deflate' })],
    ['tiles.tif', (image: Sharp) => image.tiff({ compression: 'lzw', tile: true, tileWidth: 16, tileHeight: 16 })],
    ['big.tif', (image: Sharp) => image.tiff({ compression: 'none', bigtiff: true })],
    ['avif', (image: Sharp) => image.avif({ effort: 0 })],
    ['interlaced.png', (image: Sharp) => image.png({ progressive: true })],
  ] as const)('says that a .%s ends early, wherever it was cut', async (ending, format) => {
    const bytes = await format(noisy()).toBuffer()
    for (const share of [0.2, 0.5, 0.8, 0.97]) {
      const path = await put(`cut-${share}.${ending}`, bytes.subarray(0, Math.floor(bytes.length * share)))
      const error = await failure(path)
      expect(error, `${share}`).toMatchObject({ code: 'image/truncated', fields: { source: path } })
      expect(error.message).toContain(path)
    }
  })

  it.each([
    ['png', (image: Sharp) => image.png()],
    ['tif', (image: Sharp) => image.tiff({ compression: 'deflate' })],
  ] as const)('notices damage inside a .%s', async (ending, format) => {
    const bytes = await format(noisy()).toBuffer()
    bytes.fill(0xff, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.6))
    const path = await put(`damaged.${ending}`, bytes)
    expect(await failure(path)).toMatchObject({ code: 'image/corrupt', fields: { source: path } })
  })

  it('reads a JPEG around its damage, with a warning', async () => {
    const bytes = await noisy().jpeg().toBuffer()
    bytes.fill(0xff, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.6))
    const { image, warnings } = await withWarnings(bytes)
    expect([image.width, image.height, warnings.map(({ code }) => code)]).toEqual([96, 64, ['image/damaged']])
  })

  it('accepts data after the end of an image', async () => {
    for (const bytes of [await encode().jpeg().toBuffer(), await encode().png().toBuffer()]) {
      expect((await decodeImage({ source: Buffer.concat([bytes, Buffer.from('more')]) })).width).toBe(48)
    }
  })

  it('refuses a PNG of 40,000 x 40,000 before decoding it', async () => {
    const chunk = (type: string, body: Uint8Array) => {
      const content = Buffer.concat([Buffer.from(type), body])
      const frame = Buffer.alloc(8)
      frame.writeUInt32BE(body.length, 0)
      frame.writeUInt32BE(crc32(content), 4)
      return Buffer.concat([frame.subarray(0, 4), content, frame.subarray(4)])
    }
    const header = Buffer.alloc(13)
    header.writeUInt32BE(40_000, 0)
    header.writeUInt32BE(40_000, 4)
    header.writeUInt8(1, 8)
    const rows = deflateSync(Buffer.alloc(40_000 * 5_001), { level: 1 })
    const bomb = Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      chunk('IDAT', rows),
      chunk('IEND', Buffer.alloc(0)),
    ])
    expect(bomb.length).toBeLessThan(2_000_000)
    const path = await put('bomb.png', bomb)
    // What inflating it would need could not be had.
    const before = process.memoryUsage().rss
    const error = await failure(path)
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6)
    expect(error).toMatchObject({
      code: 'image/too-many-pixels',
      fields: { source: path, width: 40_000, height: 40_000 },
    })
    expect(error.message).toContain('maxPixels')
  })

  it('refuses other bombs: by limit, by size in an SVG, by entities', async () => {
    const image = await encode().png().toBuffer()
    expect(await failure(image, { maxPixels: 1000 })).toMatchObject({ code: 'image/too-many-pixels' })
    expect(await failure(picture(), { maxPixels: 1000 })).toMatchObject({ code: 'image/too-many-pixels' })
    expect(await failure(await put('large.png', image), { maxBytes: 100 })).toMatchObject({
      code: 'image/too-many-bytes',
    })
    expect(await failure(image, { maxBytes: 100 })).toMatchObject({ code: 'image/too-many-bytes' })
    const svg = (head: string, body: string) => Buffer.from(`${head}<svg xmlns="http://www.w3.org/2000/svg" ${body}`)
    const entities = [...'bcdefghij']
      .map((name, i) => `<!ENTITY ${name} "${`&${'abcdefghi'[i]};`.repeat(10)}">`)
      .join('')
    const laughs = svg(
      `<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">${entities}]>`,
      'width="9" height="9"><text>&j;</text></svg>',
    )
    expect(await failure(laughs)).toMatchObject({ code: 'image/corrupt' })
  })
})
