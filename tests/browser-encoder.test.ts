import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createRandom, type Preprocessing } from '@lookalike/core'
import { createBuiltinEncoder } from '@lookalike/encoders'
import { loadPixels } from '@lookalike/image'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleForBrowser } from '../scripts/lib/bundle-for-browser.mjs'
import { serveFiles } from '../scripts/lib/serve-files.mjs'
import { hasChromium, launchChromium, openContext } from './helpers/chromium.js'
import { root } from './helpers/run-cli.js'

/* Pixels and vectors in a browser are those of Node. */

const RUNTIME = path.dirname(
  createRequire(path.join(root, 'packages/onnx/package.json')).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'),
)
const BUILTIN = path.join(root, 'packages/encoders/assets/builtin.onnx')

const PROGRAM = `
  import { decodeInBrowser, preprocess } from '@lookalike/image/browser'
  import { useWebRuntime } from '@lookalike/onnx/browser'
  import { createEncoderOfBytes } from '@lookalike/encoders/browser'

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const textOf = ({ buffer }) => {
    let text = ''
    for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte)
    return btoa(text)
  }
  export async function pixels(file, preprocessing) {
    const warnings = []
    const image = await decodeInBrowser(new Blob([bytesOf(file)]), { background: preprocessing.background, onWarning: ({ code }) => warnings.push(code) })
    return { width: image.width, height: image.height, warnings, values: textOf(preprocess(image, preprocessing)) }
  }
  export const fails = (file) => decodeInBrowser(new Blob([bytesOf(file)])).then(() => 'nothing', ({ code, message }) => code + ': ' + message)

  let encoder
  export async function open(threads) {
    useWebRuntime({ folder: location.origin + '/runtime/', threads })
    encoder = await createEncoderOfBytes(new Uint8Array(await (await fetch('/builtin.onnx')).arrayBuffer()), { name: 'builtin' })
    return encoder.space
  }
  export async function embed(values, count) {
    const { data } = await encoder.encode({ kind: 'pixels', data: new Float32Array(bytesOf(values).buffer), count })
    return textOf(data)
  }
`

/** Values of a preprocessed picture. */
const LENGTH = 3 * 112 * 112
/** Steps of 255 in a normalised value, at most. */
const STEPS = 128

const floats = (text: string) => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
  return new Float32Array(bytes.buffer)
}

interface Picture {
  readonly kind: 'png' | 'jpeg' | 'webp'
  readonly bytes: Buffer
}

/** Shapes and noise of many sizes, in every form that PNG has, and in others. */
async function pictures(count: number): Promise<Picture[]> {
  const random = createRandom('browser pictures')
  return Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Picture> => {
      const width = 20 + random.integer(260)
      const height = 20 + random.integer(260)
      const channels = ([3, 4, 1, 3, 4] as const)[i % 5]!
      const coarse = Buffer.from(Uint8Array.from({ length: 8 * 8 * channels }, () => random.integer(256)))
      const picture = sharp(coarse, { raw: { width: 8, height: 8, channels } }).resize(width, height, {
        fit: 'fill',
        kernel: i % 2 ? 'cubic' : 'nearest',
      })
      if (i % 10 === 9 && channels !== 4) return { kind: 'jpeg', bytes: await picture.jpeg({ quality: 90 }).toBuffer() }
      if (i % 10 === 4) return { kind: 'webp', bytes: await picture.webp({ lossless: true, exact: true }).toBuffer() }
      return { kind: 'png', bytes: await picture.png({ palette: i % 10 === 5, progressive: i % 7 === 0 }).toBuffer() }
    }),
  )
}

describe.skipIf(!hasChromium)('in a browser (skipped without /usr/bin/chromium)', () => {
  let browser: Browser
  let page: Page
  let server: Awaited<ReturnType<typeof serveFiles>>
  let preprocessing: Preprocessing
  let node: Awaited<ReturnType<typeof createBuiltinEncoder>>

  beforeAll(async () => {
    node = await createBuiltinEncoder({ threads: 1 })
    if (node.input.kind === 'pixels') preprocessing = node.input.preprocessing
    const { code } = await bundleForBrowser(PROGRAM, { globalName: 'lookalike' })
    server = await serveFiles({
      '/': { text: '<!doctype html><script src="/program.js"></script>', type: 'text/html' },
      '/program.js': { text: code, type: 'text/javascript' },
      '/runtime/': RUNTIME,
      '/builtin.onnx': BUILTIN,
    })
    browser = await launchChromium()
    page = await (await openContext(browser)).newPage()
    await page.goto(server.url)
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await node?.dispose()
  })

  const call = <T>(name: string, ...values: readonly unknown[]) =>
    page.evaluate(`lookalike.${name}(${values.map((value) => JSON.stringify(value)).join()})`) as Promise<T>
  const decode = (bytes: Uint8Array, spec = preprocessing) =>
    call<{ width: number; height: number; warnings: string[]; values: string }>(
      'pixels',
      Buffer.from(bytes).toString('base64'),
      spec,
    )

  it('100 pictures have the same pixels, and vectors that are the same to the fourth digit of a cosine', async () => {
    expect(await call('open', 1)).toBe(node.space)
    const all = await pictures(100)
    const worst = { png: 0, webp: 0, jpeg: 0 }
    const wanted = new Float32Array(all.length * LENGTH)
    const given = new Float32Array(all.length * LENGTH)
    for (const [i, { kind, bytes }] of all.entries()) {
      await loadPixels({ source: bytes }, preprocessing, {}, wanted, i * LENGTH)
      const { values, warnings } = await decode(bytes)
      expect(warnings).toEqual([])
      given.set(floats(values), i * LENGTH)
      for (let at = i * LENGTH; at < (i + 1) * LENGTH; at++)
        worst[kind] = Math.max(worst[kind], Math.abs(given[at]! - wanted[at]!) * STEPS)
    }
    expect(worst.png).toBe(0)
    expect(worst.webp).toBe(0)
    // Both decode with libjpeg-turbo, in versions of their own: steps of 255.
    expect(worst.jpeg).toBeLessThanOrEqual(4)
    const a = floats(await call('embed', Buffer.from(given.buffer).toString('base64'), all.length))
    const { data: b, dim } = await node.encode({ kind: 'pixels', data: wanted, count: all.length })
    for (let i = 0; i < all.length; i++) {
      const cosine = a.subarray(i * dim, (i + 1) * dim).reduce((sum, value, at) => sum + value * b[i * dim + at]!, 0)
      expect(cosine).toBeGreaterThan(0.9999)
    }
  })

  it.each(['palette.png', 'chelsea-alpha.png', 'tiny.png'])('%s has the same pixels', async (name) => {
    const bytes = await readFile(path.join(root, 'packages/image/fixtures/pixels', name))
    const spec: Preprocessing = { ...preprocessing, crop: { width: 96, height: 64 }, resize: { mode: 'pad' } }
    expect([...floats((await decode(bytes, spec)).values)]).toEqual([...(await loadPixels({ source: bytes }, spec))])
  })

  it('turns pictures upright', async () => {
    const bytes = await readFile(path.join(root, 'packages/image/fixtures/pixels/astronaut-exif6.jpg'))
    const wanted = await loadPixels({ source: bytes }, preprocessing)
    const given = floats((await decode(bytes)).values)
    const mean = given.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]!), 0) / given.length
    // Node decodes a large JPEG at half the size.
    expect(mean * STEPS).toBeLessThan(1)
  })

  it('says what is no picture, what the browser does not decode, and what ends early', async () => {
    const fails = (bytes: Uint8Array) => call<string>('fails', Buffer.from(bytes).toString('base64'))
    expect(await fails(Buffer.from('hello'))).toMatch(/^image\/unsupported: .* it holds text/)
    expect(await fails(new Uint8Array())).toMatch(/^image\/unsupported/)
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    expect(await fails(svg)).toMatch(/^image\/unsupported: .*SVG.*canvas/s)
    const png = await sharp({ create: { width: 90, height: 90, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect(await fails(png.subarray(0, 60))).toMatch(/^image\/truncated/)
    const jpeg = await sharp({
      create: {
        width: 900,
        height: 900,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 120, sigma: 40 },
      },
    })
      .jpeg()
      .toBuffer()
    expect(await fails(jpeg.subarray(0, jpeg.length / 2))).toMatch(/^image\/truncated/)
  })
})
