import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGraphBuilder, float32, saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { root, runCli, spawnCli } from './helpers/run-cli.js'

const EDGE = 4096
const PREPROCESSING = { resize: { mode: 'squash' }, crop: { width: 8, height: 8 } }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-signals-'))
  await makePhotos(path.join(folder, 'photos'), 6)
  // One run of it takes many minutes, and is a single call of native code.
  const g = createGraphBuilder()
  const x = g.input('pixels', 'float32', ['N', 3, 8, 8])
  const matrix = g.expand(g.initializer('one', float32([1 / EDGE], [1])), [EDGE, EDGE])
  let product = g.mul(matrix, g.reshape(g.reduceSum(x, [0, 1, 2, 3]), [1, 1]))
  for (let i = 0; i < 400; i++) product = g.matMul(product, matrix)
  const rows = g.add(g.reshape(x, [-1, 192]), g.reshape(g.reduceSum(product, [0, 1]), [1, 1]))
  const weights = Float32Array.from({ length: 192 * 8 }, (_, i) => Math.sin(i))
  g.output(g.matMul(rows, g.initializer('weights', float32(weights, [192, 8]))), 'embedding', { shape: ['N', 8] })
  await saveModel(path.join(folder, 'slow.onnx'), g.build())
  const encoder = { use: 'onnx', model: './slow.onnx', preprocessing: PREPROCESSING }
  await writeFile(
    path.join(folder, 'lookalike.config.json'),
    JSON.stringify({
      name: 'slow',
      encoder,
      cache: false,
      dataset: { use: 'folder', path: './photos', test: 0.5 },
      train: { use: 'head', loss: { use: 'nt-xent' }, sampler: { use: 'balanced', labels: 2, instances: 2 } },
    }),
  )
  // Tells when native code is about to run: how long a start takes, the machine decides.
  await writeFile(
    path.join(folder, 'tell.mjs'),
    `import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
if (process.env.LOOKALIKE_SUPERVISOR) {
  const { prototype } = createRequire(${JSON.stringify(path.join(root, 'packages/onnx/package.json'))})('onnxruntime-node').InferenceSession
  const { run } = prototype
  prototype.run = function (...given) {
    writeFileSync(process.env.BEGUN, '')
    return run.apply(this, given)
  }
}
`,
  )
  expect(await runCli(['index', 'photos', '--encoder=mini', '--quiet'], { cwd: folder })).toMatchObject({ code: 0 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** `expect.poll` belongs to one test and is lost where several run at a time. */
const appears = (file: string) =>
  vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 300_000, interval: 50 })

it.concurrent.each([
  ['index', ['index', 'photos', '--gallery=./other'], 'SIGTERM', 143],
  ['train', ['train'], 'SIGINT', 130],
  ['evaluate', ['evaluate'], 'SIGTERM', 143],
  ['search', ['search', 'photos/red/0.png'], 'SIGINT', 130],
  ['check-gradients', ['check-gradients', 'slow.onnx'], 'SIGTERM', 143],
] as const)('%s ends soon while native code runs', async (name, args, signal, code) => {
  const begun = path.join(folder, `${name}.begun`)
  const { stderr, ...result } = await spawnCli(args, {
    cwd: folder,
    env: { BEGUN: begun, NODE_OPTIONS: `--import ${pathToFileURL(path.join(folder, 'tell.mjs'))}` },
    onStart: async (kill) => {
      await appears(begun)
      kill(signal)
    },
  })
  expect(result.code, stderr).toBe(code)
  expect(stderr).toMatch(/Stopping at the next safe point|No safe point was reached/)
})

it.concurrent.each([
  ['export', ['model', './out']],
  ['label', []],
  ['reject', []],
  ['remove', ['x']],
  ['serve', ['--port=0']],
  ['schema', []],
  ['verify', []],
  ['work', ['--queue=redis://127.0.0.1:1']],
] as const)('%s ends whatever its process is doing', async (name, args) => {
  const place = path.join(folder, name)
  await mkdir(place)
  // The event loop never turns again, as within native code.
  await writeFile(
    path.join(place, 'endless.mjs'),
    "import { writeFileSync } from 'node:fs'\nwriteFileSync('begun', '')\nfor (;;);\n",
  )
  await writeFile(path.join(place, 'lookalike.config.json'), JSON.stringify({ plugins: ['./endless.mjs'] }))
  const { code } = await spawnCli([name, ...args], {
    cwd: place,
    onStart: async (kill) => {
      await appears(path.join(place, 'begun'))
      kill('SIGTERM')
    },
  })
  expect(code).toBe(143)
})
