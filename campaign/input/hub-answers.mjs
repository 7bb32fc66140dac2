import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { buildVit, createPretrainedEncoder } from '@lookalike/encoders'
import { writeModel } from '@lookalike/onnx'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes } from '../lib/mutate.mjs'

const json = (value) => Buffer.from(JSON.stringify(value))
const FILES = {
  'config.json': json({ model_type: 'vit' }),
  'preprocessor_config.json': json({ image_processor_type: 'ViTImageProcessor', size: 16, resample: 3 }),
  'onnx/model.onnx': Buffer.from(
    writeModel(buildVit({ imageSize: 16, patchSize: 4, dim: 8, depth: 1, heads: 2, pooling: 'none' })),
  ),
}
/** As the hub tags small files. */
const tagOf = (bytes) => ({
  etag: `"${createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')}"`,
})
const STATUS = [204, 206, 301, 302, 400, 401, 403, 404, 408, 416, 429, 500, 502, 503]
const HTML = Buffer.from('<!doctype html><title>Sign in</title><h1>Proxy</h1>')

/** Answers one request wrongly. */
function misanswer(random, response, bytes) {
  const end = (body, headers = {}, status = 200) => response.writeHead(status, headers).end(body)
  switch (random.integer(9)) {
    case 0:
      return end(HTML, {}, STATUS[random.integer(STATUS.length)])
    case 1:
      return end(HTML, { 'content-type': 'text/html' })
    case 2:
      return end(mutateBytes(bytes, random), tagOf(bytes))
    case 3: {
      response.writeHead(200, { 'content-length': bytes.length, ...tagOf(bytes) })
      response.write(bytes.subarray(0, random.integer(bytes.length)), () => response.destroy())
      return undefined
    }
    case 4:
      return end(
        '',
        { location: ['/loop', 'file:///etc/passwd', 'http://127.0.0.1:1/x', '::', ''][random.integer(5)] },
        302,
      )
    case 5:
      return response.destroy()
    case 6:
      return end(bytes, { 'content-encoding': 'gzip' })
    case 7:
      return end(bytes, { etag: '"0000000000000000000000000000000000000000"' })
    default:
      return end(Buffer.alloc(0))
  }
}

export async function open(folder) {
  let random
  let victim
  let request = 0
  const server = createServer(({ url }, response) => {
    const name = Object.keys(FILES).find((file) => url.endsWith(`/resolve/main/${file}`))
    const bytes = FILES[name] ?? HTML
    if (request++ === victim) misanswer(random, response, bytes)
    else if (name) response.writeHead(200, { 'content-length': bytes.length, ...tagOf(bytes) }).end(bytes)
    else response.writeHead(404).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cacheFolder = path.join(folder, 'cache')
  const create = () =>
    createPretrainedEncoder({
      family: 'pretrained-vit',
      model: 'a/b',
      baseUrl: `http://127.0.0.1:${server.address().port}`,
      cacheFolder,
      retries: 1,
      retryDelay: 1,
      threads: 1,
    })
  const embed = async () => {
    const encoder = await create()
    try {
      const { data } = await encoder.encode({ kind: 'pixels', data: new Float32Array(3 * 16 * 16).fill(0.1), count: 1 })
      return data.join()
    } finally {
      await encoder.dispose()
    }
  }
  mkdirSync(folder, { recursive: true })
  victim = -1
  const right = await embed()
  return {
    async attempt(i) {
      random = createRandom(`hub ${i}`)
      rmSync(cacheFolder, { recursive: true, force: true })
      victim = random.integer(8)
      request = 0
      let first
      const found = await embed().catch((error) => {
        first = error
        return undefined
      })
      // Afterwards the hub is well again: nothing wrong may have been kept.
      victim = -1
      const later = await embed()
      if (later !== right) throw new Error('what was kept gives other vectors')
      if (first) throw first
      if (found !== right) throw new Error('other vectors')
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

export default {
  name: 'input: wrong answers of a hub, and what is kept of them',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'hub'), count: short ? 40 : 2000 }),
}
