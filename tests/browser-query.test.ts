import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exportForBrowser } from '@lookalike/browser/export'
import type { Encoder } from '@lookalike/core'
import { buildConvNet, createOnnxEncoder } from '@lookalike/encoders'
import { modelOfEncoder } from '@lookalike/image'
import { writeModel } from '@lookalike/onnx'
import { build } from 'esbuild'
import type { Browser, BrowserContext } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveFiles } from '../scripts/lib/serve-files.mjs'
import { hasChromium, launchChromium, openContext } from './helpers/chromium.js'
import { root } from './helpers/run-cli.js'

/* @lookalike/browser as pages use it: the built package, an exported folder, a static host. */

const RUNTIME = path.dirname(
  createRequire(path.join(root, 'packages/browser/package.json')).resolve(
    'onnxruntime-web/ort-wasm-simd-threaded.wasm',
  ),
)

/** In the page: what a call gives, or the code and the text of its error. */
const SCRIPT = `
  import * as lookalike from '/lookalike/index.js'
  globalThis.lookalike = lookalike
  globalThis.told = []
  globalThis.open = async (options) => {
    globalThis.encoder = await lookalike.createQueryEncoder({ onWarning: ({ code }) => told.push(code), ...options })
    return { space: encoder.space, dim: encoder.dim, device: encoder.device }
  }
  globalThis.file = async (address) => new File([await (await fetch(address)).arrayBuffer()], address.slice(1))
  globalThis.tried = (work) => work().catch(({ code, message }) => ({ code, message }))
  globalThis.ready = true
`

describe.skipIf(!hasChromium)('a query encoder in a page (skipped without /usr/bin/chromium)', () => {
  let folder = ''
  let browser: Browser
  let encoder: Encoder
  let plain: Uint8Array
  let wanted: Float32Array
  let isolated: Awaited<ReturnType<typeof serveFiles>>
  let open: Awaited<ReturnType<typeof serveFiles>>
  let requests: string[] = []
  let offline = false
  let cut = false

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-query-'))
    plain = writeModel(buildConvNet({ imageSize: 32, widths: [12, 24], embeddingDim: 32, seed: 3 }))
    encoder = await createOnnxEncoder({ model: plain, name: 'tiny', threads: 1 })
    const picture = await sharp({
      create: {
        width: 90,
        height: 70,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 120, sigma: 60 },
      },
    })
      .png()
      .toBuffer()
    wanted = (await modelOfEncoder(encoder).embed([{ source: picture }], 'query')).embeddings.data
    await writeFile(path.join(folder, 'picture.png'), picture)
    await writeFile(path.join(folder, 'tiny.onnx'), plain)
    const other = Float32Array.from(wanted, (value) => -value)
    const images = (async function* () {
      yield { id: 'other', metadata: { kind: 'no' } }
      yield { id: 'same', metadata: { kind: 'yes' }, thumbnail: picture }
    })()
    await exportForBrowser(encoder, path.join(folder, 'model'), {
      weights: 'int8',
      runtime: 'webgpu',
      gallery: { count: 2, vectors: Float32Array.from([...other, ...wanted]), images },
    })
    const manifest = await readFile(path.join(folder, 'model/manifest.json'), 'utf8')
    const { check } = JSON.parse(manifest) as { check: number[] }
    const wrong = manifest.replace(`${check[0]}`, '9')
    // As a bundler leaves it: the program and its pieces.
    const { outputFiles } = await build({
      entryPoints: [path.join(root, 'packages/browser/dist/index.js')],
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      outdir: '/',
      write: false,
      tsconfigRaw: '{}',
    })
    expect(outputFiles.find((file) => file.path.endsWith('/index.js'))!.contents.length).toBeLessThan(25_000)
    const pieces = outputFiles.filter((file) => !/onnx-worker/.test(file.path))
    expect(pieces.reduce((sum, { contents }) => sum + contents.length, 0)).toBeLessThan(100_000)
    const html = (head = '') => ({
      text: `<!doctype html><meta charset="utf-8">${head}<script type="module">${SCRIPT}</script>`,
      type: 'text/html',
    })
    const places = {
      '/': html(),
      '/strict': html(`<meta http-equiv="content-security-policy" content="worker-src 'none'">`),
      '/wrong/': path.join(folder, 'model'),
      '/wrong/manifest.json': { text: wrong, type: 'application/json' },
      '/page/manifest.json': { text: '<p>Not found', type: 'text/html' },
      '/model/': path.join(folder, 'model'),
      '/ort/': RUNTIME,
      '/picture.png': path.join(folder, 'picture.png'),
      '/text.png': { text: 'hello', type: 'image/png' },
      '/tiny.onnx': path.join(folder, 'tiny.onnx'),
      ...Object.fromEntries(
        outputFiles.map((file) => [
          `/lookalike/${path.basename(file.path)}`,
          { text: file.text, type: 'text/javascript' },
        ]),
      ),
    }
    const respond: NonNullable<Parameters<typeof serveFiles>[1]>['respond'] = async (url, response) => {
      requests.push(url.pathname)
      if (offline) {
        response.destroy()
        return true
      }
      if (cut && url.pathname === '/model/model.onnx') {
        const bytes = await readFile(path.join(folder, 'model/model.onnx'))
        response.writeHead(200, { 'content-length': bytes.length })
        response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
        return true
      }
      if (url.pathname !== '/api/v1/search') return false
      let body = ''
      for await (const part of response.req) body += part
      response.setHeader('content-type', 'application/json')
      const { vector } = JSON.parse(body) as { vector: { space: string; values: number[] } }
      if (vector.space !== encoder.space) {
        response.writeHead(409).end(JSON.stringify({ code: 'embeddings/space', detail: 'Another space.' }))
        return true
      }
      const hit = { id: 'a', rank: 1, distance: 0, metadata: {}, thumbnail: '/api/v1/items/a/thumbnail', image: null }
      response.end(JSON.stringify({ hits: [hit], match: true, more: false, sent: JSON.parse(body) }))
      return true
    }
    isolated = await serveFiles(places, { respond })
    open = await serveFiles(places, { respond, isolated: false })
    browser = await launchChromium()
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    await isolated?.close()
    await open?.close()
    await encoder?.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  const visit = async (context: BrowserContext, url = isolated.url) => {
    const page = await context.newPage()
    page.setDefaultTimeout(300_000)
    await page.goto(url)
    await page.waitForFunction('globalThis.ready')
    return {
      close: () => page.close(),
      run: <T>(code: string) => page.evaluate(`tried(async () => { ${code} })`) as Promise<T>,
      page,
    }
  }
  const inNew = async (
    work: (visited: Awaited<ReturnType<typeof visit>>, context: BrowserContext) => Promise<void>,
    url?: string,
  ) => {
    const context = await openContext(browser)
    try {
      await work(await visit(context, url), context)
    } finally {
      offline = cut = false
      await context.close()
    }
  }
  const cosine = (a: readonly number[], b: ArrayLike<number>) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const EMBED = "[...(await encoder.embed(await file('/picture.png'))).data]"

  it('gives the vectors of Node for files, canvases, images and pixels, and finds in the small gallery', async () => {
    await inNew(async ({ run }) => {
      const opened = { space: encoder.space, dim: 32, device: 'wasm' }
      expect(await run(`return open({ model: '/model/', threads: 2 })`)).toEqual(opened)
      const vectors = await run<number[][]>(`
        const blob = await file('/picture.png')
        const image = new Image(); image.src = '/picture.png'; await image.decode()
        const canvas = new OffscreenCanvas(90, 70)
        canvas.getContext('2d').drawImage(image, 0, 0)
        const rgba = canvas.getContext('2d').getImageData(0, 0, 90, 70)
        const data = new Uint8Array(90 * 70 * 3)
        for (let i = 0; i < 90 * 70; i++) data.set(rgba.data.subarray(i * 4, i * 4 + 3), i * 3)
        const all = [blob, image, canvas, rgba, await createImageBitmap(blob), new VideoFrame(canvas, { timestamp: 0 }), { data, width: 90, height: 70 }]
        return Promise.all(all.map(async (each) => [...(await encoder.embed(each)).data]))
      `)
      expect(vectors).toHaveLength(7)
      // 8-bit weights cost a little; what is drawn must not matter.
      expect(cosine(vectors[0]!, wanted)).toBeGreaterThan(0.999)
      for (const vector of vectors) expect(cosine(vector, vectors[0]!)).toBeGreaterThan(0.99999)
      const found = await run<{ id: string; thumbnail: string; distance: number }[]>(
        `const gallery = await lookalike.loadSmallGallery('/model/'); return gallery.search(await encoder.embed(await file('/picture.png')))`,
      )
      expect(found.map(({ id }) => id)).toEqual(['same', 'other'])
      expect(found[0]!.thumbnail).toBe(`${isolated.url}/model/thumbnails/1.jpg`)
      expect(found[0]!.distance).toBeLessThan(0.01)
      const stranger = `{ data: new Float32Array(32).fill(0.1), rows: 1, dim: 32, space: 'other', role: 'query' }`
      expect(await run(`return (await lookalike.loadSmallGallery('/model/')).search(${stranger})`)).toMatchObject({
        code: 'embeddings/space',
      })
    })
  })

  it('opens ONNX files and their addresses as Node does', async () => {
    await inNew(async ({ run }) => {
      for (const model of [`await file('/tiny.onnx')`, `'/tiny.onnx'`]) {
        expect(await run(`return open({ model: ${model}, runtime: '/ort/' })`)).toMatchObject({ space: encoder.space })
        expect(cosine(await run(`return ${EMBED}`), wanted)).toBeGreaterThan(0.9999)
      }
      expect(await run(`return open({ model: '/tiny.onnx' })`)).toMatchObject({ code: 'browser/no-runtime' })
      const broken = `new File(['hello'], 'x.onnx')`
      expect(await run(`return open({ model: ${broken}, runtime: '/ort/' })`)).toMatchObject({ code: 'onnx/not-onnx' })
    })
  })

  it('sends the vector and its space to a server, and tells what it refuses', async () => {
    await inNew(async ({ run }) => {
      await run(`await open({ model: '/model/' })`)
      const found = await run<{ hits: { thumbnail: string }[]; sent: { vector: { values: number[] }; k: number } }>(
        `const client = lookalike.createSearchClient({ url: '/' }); return client.search(await encoder.embed(await file('/picture.png')), { k: 3 })`,
      )
      expect(found.hits[0]!.thumbnail).toBe(`${isolated.url}/api/v1/items/a/thumbnail`)
      expect(Object.keys(found.sent).sort()).toEqual(['k', 'vector'])
      expect(cosine(found.sent.vector.values, wanted)).toBeGreaterThan(0.999)
      const search = (url: string) =>
        run(`const query = { data: new Float32Array(32), rows: 1, dim: 32, space: 'other', role: 'query' }
          return lookalike.createSearchClient({ url: '${url}' }).search(query)`)
      expect(await search('/')).toMatchObject({ code: 'embeddings/space' })
      expect(await search('/nothing/')).toMatchObject({ code: 'browser/server' })
    })
  })

  it('says what is wrong with a folder, a model, a picture', async () => {
    await inNew(async ({ run }) => {
      expect(await run(`return open({ model: '/wrong/' })`)).toMatchObject({ code: 'browser/check' })
      expect(await run(`return open({ model: '/nowhere/' })`)).toMatchObject({ code: 'browser/download' })
      expect(await run(`return open({ model: '/page/' })`)).toMatchObject({ code: 'browser/manifest' })
      const missing = await run(`return open({ model: '/model/', runtime: '/nowhere/' })`)
      expect(missing).toMatchObject({ code: 'onnx/runtime-missing' })
      await run(`await open({ model: '/model/' })`)
      expect(await run(`return encoder.embed(await file('/text.png'))`)).toMatchObject({ code: 'image/unsupported' })
      const empty = `document.createElement('video')`
      expect(await run(`return encoder.embed(${empty})`)).toMatchObject({ code: 'browser/image' })
      // It goes on afterwards, and ends when it is told to.
      expect(await run<number[]>(`return ${EMBED}`)).toHaveLength(32)
      const stop = `const stop = new AbortController(); const asked = encoder.embed(await file('/picture.png'), { signal: stop.signal })`
      expect(await run(`${stop}; stop.abort(); return asked`)).toMatchObject({ message: /abort/ })
      expect(await run(`encoder.dispose(); return ${EMBED}`)).toMatchObject({ code: 'browser/disposed' })
    })
  })

  it('keeps a whole model for the next visit, and nothing that broke off', async () => {
    await inNew(async ({ run, close }, context) => {
      cut = true
      expect(await run(`return open({ model: '/model/' })`)).toMatchObject({ code: 'browser/download' })
      cut = false
      // Two pages at once, one of which is closed before it is done.
      const [second, third] = [await visit(context), await visit(context)]
      requests = []
      void run(`await open({ model: '/model/' })`).catch(() => undefined)
      await close()
      await Promise.all([second, third].map((page) => page.run(`await open({ model: '/model/' })`)))
      expect(requests.filter((name) => name === '/model/model.onnx').length).toBeLessThanOrEqual(2)
      requests = []
      expect(await second.run(`return open({ model: '/model/' })`)).toMatchObject({ space: encoder.space })
      expect(requests).not.toContain('/model/model.onnx')
    })
  })

  it('works without threads, without Cache Storage and without WebGPU, and says so', async () => {
    await inNew(async ({ run }) => {
      expect(await run(`return open({ model: '/model/', threads: 2, device: 'webgpu' })`)).toMatchObject({
        device: 'wasm',
      })
      expect(await run<string[]>('return told')).toEqual(['browser/no-webgpu', 'browser/one-thread'])
    }, open.url)
    const context = await openContext(browser)
    const page = await context.newPage()
    page.setDefaultTimeout(300_000)
    // What starts in the worker before its own program.
    const without = (code: string) =>
      page.addInitScript(`{ const Whole = Blob; globalThis.Blob = class extends Whole {
        constructor(parts, options) { super(options?.type === 'text/javascript' ? [${JSON.stringify(code)}, ...parts] : parts, options) } } }`)
    await without(`delete globalThis.caches; Object.defineProperty(WorkerGlobalScope.prototype, 'caches', { get() { throw new Error('no') } });
      Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => ({ info: {}, features: new Set(), limits: {}, requestDevice: async () => { throw new Error('no device') } }) } });`)
    await page.goto(isolated.url)
    await page.waitForFunction('globalThis.ready')
    const run = <T>(code: string) => page.evaluate(`tried(async () => { ${code} })`) as Promise<T>
    expect(await run(`return open({ model: '/model/' })`)).toMatchObject({ device: 'wasm' })
    expect([...new Set(await run<string[]>('return told'))]).toEqual(['browser/no-cache', 'browser/no-webgpu'])
    expect(cosine(await run(`return ${EMBED}`), wanted)).toBeGreaterThan(0.999)
    await context.close()
  })

  it('computes by WebGPU what Node computes (skipped where Chromium has no adapter)', async ({ skip }) => {
    // Chromium's own renderer stands for a graphics card.
    const args = ['--enable-unsafe-webgpu', '--enable-unsafe-swiftshader', '--use-webgpu-adapter=swiftshader']
    const drawn = await launchChromium(args)
    try {
      const context = await openContext(drawn)
      const { run } = await visit(context)
      if (!(await run(`return (await navigator.gpu?.requestAdapter()) != null`))) skip('no adapter for WebGPU')
      expect(await run(`return open({ model: '/model/', device: 'webgpu' })`)).toMatchObject({ device: 'webgpu' })
      const byCard = await run<number[]>(`return ${EMBED}`)
      expect(cosine(byCard, wanted)).toBeGreaterThan(0.999)
      await run(`await open({ model: '/model/', device: 'wasm' })`)
      expect(cosine(byCard, await run<number[]>(`return ${EMBED}`))).toBeGreaterThan(0.9999)
      expect(await run<string[]>('return told')).toEqual([])
      // A card that computes something else is left alone.
      const wrong = await run(`return open({ model: '/wrong/', device: 'webgpu' })`)
      expect(wrong).toMatchObject({ code: 'browser/check' })
      expect(await run<string[]>('return told')).toEqual(['browser/webgpu'])
    } finally {
      await drawn.close()
    }
  }, 300_000)

  it('names the policy that keeps a worker from starting', async () => {
    await inNew(async ({ run }) => {
      const failed = await run<{ code: string; message: string }>(`return open({ model: '/model/' })`)
      expect(failed).toMatchObject({ code: 'browser/worker', message: /worker-src blob:/ })
    }, `${isolated.url}/strict`)
  })
})
