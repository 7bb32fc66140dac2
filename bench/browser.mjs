/*
 * Encoding in a page (Chromium, WebAssembly): the built-in encoder and a light query model, with 1 and 2 threads, JPEG files of 640 x 480 in, vectors
 * out; against `@huggingface/transformers` with the same ONNX file in the same browser. Rounds take turns, so that what else the machine does hits
 * all alike. Besides: the time to a first vector, the size of the client, the search in a small gallery. Needs /usr/bin/chromium and a build.
 *
 *   node bench/browser.mjs [--images 10] [--rounds 5]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { exportForBrowser } from '@lookalike/browser/export'
import { createRandom } from '@lookalike/core'
import { buildConvNet, createBuiltinEncoder, createOnnxEncoder, exportModel } from '@lookalike/encoders'
import { writeModel } from '@lookalike/onnx'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import sharp from 'sharp'
import { serveFiles } from '../scripts/lib/serve-files.mjs'

const { values } = parseArgs({
  options: { images: { type: 'string', default: '10' }, rounds: { type: 'string', default: '5' } },
})
const [images, rounds] = [Number(values.images), Number(values.rounds)]
const root = fileURLToPath(new URL('../', import.meta.url))
const distOf = (from, name) => path.dirname(createRequire(path.join(root, from, 'package.json')).resolve(name))

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-browser-'))
const light = writeModel(
  buildConvNet({
    imageSize: 24,
    widths: [12, 24, 48],
    stem: { kernel: 5, stride: 2 },
    pooling: 'flatten',
    embeddingDim: 128,
    seed: 1,
  }),
)
const models = {
  builtin: await createBuiltinEncoder(),
  light: await createOnnxEncoder({ model: light, name: 'light' }),
}
for (const [name, encoder] of Object.entries(models)) {
  const count = 1000
  const vectors = Float32Array.from({ length: count * encoder.dim }, () => Math.random() - 0.5)
  const listed = (async function* () {
    for (let i = 0; i < count; i++) yield { id: `${i}` }
  })()
  const { modelBytes } = await exportForBrowser(encoder, path.join(folder, 'ours', name), {
    gallery: { count, vectors, images: listed },
  })
  console.log(`${name}: ${modelBytes} bytes in the exported folder.`)
  await exportModel(encoder, path.join(folder, 'theirs', name))
  await encoder.dispose()
}
const random = createRandom('bench browser')
const photos = []
for (let i = 0; i < images; i++) {
  const coarse = Buffer.from(Uint8Array.from({ length: 12 * 16 * 3 }, () => random.integer(256)))
  const picture = sharp(coarse, { raw: { width: 16, height: 12, channels: 3 } }).resize(640, 480, { kernel: 'cubic' })
  photos.push((await picture.jpeg({ quality: 88 }).toBuffer()).toString('base64'))
}

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
const transformers = distOf('packages/encoders', '@huggingface/transformers')
const theirRuntime = path.dirname(
  createRequire(path.join(transformers, 'x.js')).resolve('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm'),
)
const bundled = await build({
  stdin: {
    contents: `export * from ${JSON.stringify(path.join(transformers, 'transformers.web.min.js'))}`,
    resolveDir: transformers,
  },
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  write: false,
  tsconfigRaw: '{}',
  logLevel: 'error',
})
const server = await serveFiles({
  '/': { text: '<!doctype html>', type: 'text/html' },
  '/ours/': path.join(folder, 'ours'),
  '/theirs/': path.join(folder, 'theirs'),
  '/runtime/': theirRuntime,
  '/own-runtime/': path.join(folder, 'ours/light/runtime'),
  '/transformers.js': { text: bundled.outputFiles[0].text, type: 'text/javascript' },
  ...Object.fromEntries(
    outputFiles.map((file) => [`/js/${path.basename(file.path)}`, { text: file.text, type: 'text/javascript' }]),
  ),
})
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })

const devtools = await browser.newBrowserCDPSession()
/** Of the whole browser, in milliseconds: what else the machine does is not in it. */
async function processorTime() {
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo')
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0) * 1000
}

/** A page with a function that embeds all photographs once, and at once. */
async function open(kind, model, threads, context) {
  const page = await (context ?? (await browser.newContext())).newPage()
  await page.goto(server.url)
  const begun = await processorTime()
  const first = await page.evaluate(
    async ({ kind, model, threads, photos }) => {
      globalThis.photos = photos.map(
        (text) => new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: 'image/jpeg' }),
      )
      const begin = performance.now()
      if (kind === 'transformers.js') {
        const { env, pipeline, RawImage } = await import('/transformers.js')
        Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: '/theirs/' })
        Object.assign(env.backends.onnx.wasm, { wasmPaths: '/runtime/', numThreads: threads })
        const extract = await pipeline('image-feature-extraction', model, { dtype: 'fp32', device: 'wasm' })
        globalThis.embed = async (photo) => [...(await extract(await RawImage.fromBlob(photo))).data]
        globalThis.embedAll = async (photos) =>
          extract(await Promise.all(photos.map((photo) => RawImage.fromBlob(photo))))
      } else {
        const { createQueryEncoder } = await import('/js/index.js')
        const options =
          kind === 'same file'
            ? { model: `/theirs/${model}/onnx/model.onnx`, runtime: '/own-runtime/' }
            : { model: `/ours/${model}/` }
        const encoder = await createQueryEncoder({ ...options, threads })
        globalThis.embed = async (photo) => [...(await encoder.embed(photo)).data]
        globalThis.embedAll = (photos) => Promise.all(photos.map((photo) => encoder.embed(photo)))
      }
      globalThis.vector = await globalThis.embed(globalThis.photos[0])
      return performance.now() - begin
    },
    { kind, model, threads, photos },
  )
  const opening = (await processorTime()) - begun
  return { kind, model, threads, page, first, opening, times: [], together: [], processor: [] }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
console.log(
  '| model | threads | | images/s | of transformers.js | processor, ms | of transformers.js | together, images/s | of transformers.js | first vector, first and second visit, ms | its processor time, ms | cosine to transformers.js |\n| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
)
for (const model of ['builtin', 'light'])
  for (const threads of [1, 2]) {
    const pages = []
    for (const kind of ['transformers.js', 'same file', 'exported folder']) pages.push(await open(kind, model, threads))
    for (const each of pages) {
      const again = await open(each.kind, model, threads, each.page.context())
      Object.assign(each, { again: again.first, openingAgain: again.opening })
      await again.page.close()
    }
    const once = (page, together) =>
      page.evaluate(async (together) => {
        const begin = performance.now()
        if (together) await globalThis.embedAll(globalThis.photos)
        else for (const photo of globalThis.photos) await globalThis.embed(photo)
        return (performance.now() - begin) / globalThis.photos.length
      }, together)
    for (let round = 0; round <= rounds; round++)
      for (const each of pages) {
        const begin = await processorTime()
        const time = await once(each.page, false)
        if (round === 0) continue
        each.times.push(time)
        each.processor.push(((await processorTime()) - begin) / images)
        each.together.push(await once(each.page, true))
      }
    const vectors = await Promise.all(pages.map(({ page }) => page.evaluate('vector')))
    for (const [
      i,
      { kind, times, together, processor, first, again, opening, openingAgain, page },
    ] of pages.entries()) {
      const ratioOf = (of) => middle(pages[i][of].map((time, round) => pages[0][of][round] / time)).toFixed(2)
      const length = (v) => Math.hypot(...v)
      const same =
        vectors[i].reduce((sum, value, at) => sum + value * vectors[0][at], 0) / length(vectors[i]) / length(vectors[0])
      console.log(
        `| ${model} | ${threads} | ${kind} | ${(1000 / Math.min(...times)).toFixed(1)} | ${ratioOf('times')} | ${middle(processor).toFixed(1)} | ${ratioOf('processor')} | ${(1000 / Math.min(...together)).toFixed(1)} | ${ratioOf('together')} | ${first.toFixed(0)} / ${again.toFixed(0)} | ${opening.toFixed(0)} / ${openingAgain.toFixed(0)} | ${same.toFixed(4)} |`,
      )
      await page.context().close()
    }
  }

for (const model of ['builtin', 'light']) {
  const context = await browser.newContext()
  for (const visit of ['first', 'second']) {
    const page = await context.newPage()
    await page.goto(server.url)
    const begin = await processorTime()
    const time = await page.evaluate(
      async ({ model, photo }) => {
        const { createQueryEncoder, loadSmallGallery } = await import('/js/index.js')
        const [encoder, gallery] = await Promise.all([
          createQueryEncoder({ model: `/ours/${model}/` }),
          loadSmallGallery(`/ours/${model}/`),
        ])
        const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0))
        gallery.search(await encoder.embed(new Blob([bytes])))
        return performance.now()
      },
      { model, photo: photos[0] },
    )
    console.log(
      `${model}, ${visit} visit: ${time.toFixed(0)} ms from the page's start to the first answer, ${((await processorTime()) - begin).toFixed(0)} ms of processor time.`,
    )
    await page.close()
  }
}

const page = await browser.newPage()
await page.goto(server.url)
const searches = await page.evaluate(async () => {
  const { createSmallGallery, quantiseRows } = await import('/js/index.js')
  const [rows, dim] = [10_000, 256]
  const data = Float32Array.from({ length: rows * dim }, () => Math.random() - 0.5)
  const gallery = createSmallGallery(
    quantiseRows(data, dim),
    Array.from({ length: rows }, (_, i) => ({ id: `${i}` })),
    's',
  )
  const query = { data: data.subarray(0, dim), rows: 1, dim, space: 's', role: 'query' }
  return Array.from({ length: 60 }, () => {
    const begin = performance.now()
    gallery.search(query, { k: 12 })
    return performance.now() - begin
  })
})
console.log(
  `\nSearch of 10,000 x 256 in memory: ${middle(searches.slice(10)).toFixed(1)} ms, the first ${searches[0].toFixed(1)} ms.\n`,
)
const needed = outputFiles.filter((file) => !/onnx-worker/.test(file.path))
const sum = (files, of) => files.reduce((total, file) => total + of(file.contents), 0) / 1000
console.log(
  `Client: ${sum(needed, (bytes) => bytes.length).toFixed(0)} kB, ${sum(needed, (bytes) => gzipSync(bytes).length).toFixed(0)} kB compressed; transformers.js ${(bundled.outputFiles[0].contents.length / 1000).toFixed(0)} and ${(gzipSync(bundled.outputFiles[0].contents).length / 1000).toFixed(0)} kB.`,
)
await browser.close()
await server.close()
await rm(folder, { recursive: true, force: true })
