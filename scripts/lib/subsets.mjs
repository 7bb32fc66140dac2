// What people install, as the table of the README lists it, each with a small program that uses it.

/** Makes eight photos of two kinds. */
const PHOTOS = `
import { mkdir } from 'node:fs/promises'
import sharp from 'sharp'
const draw = { stripes: (x, y, i) => (Math.floor((x + i) / 8) % 2 ? 230 : 20), disc: (x, y, i) => (Math.hypot(x - 32 - i, y - 32) < 22 ? 20 : 230) }
for (const [name, value] of Object.entries(draw)) {
  await mkdir('photos/' + name, { recursive: true })
  for (let i = 0; i < 4; i++) {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => value(Math.floor(at / 3) % 64, Math.floor(at / 192), i))
    await sharp(data, { raw: { width: 64, height: 64, channels: 3 } }).png().toFile('photos/' + name + '/' + i + '.png')
  }
}`

const EMBED = `
import { createBuiltinEncoder } from '@lookalike/encoders'
import { embedImages } from '@lookalike/image'
const encoder = await createBuiltinEncoder()
const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => i % 251)
const { embeddings } = await embedImages(encoder, [{ source: { data, width: 64, height: 64 } }])
await encoder.dispose()`

const GALLERY = `
import { createEmbeddings } from '@lookalike/core'
import { exactEngine, usearchEngine } from '@lookalike/gallery'
const vectors = createEmbeddings({ data: Float32Array.from([1, 0, 0, 1, 0.8, 0.6]), rows: 3, dim: 2, space: 'test', role: 'any' })
const found = {}
for (const engine of [exactEngine(), usearchEngine()]) {
  const index = await engine.open({ dim: 2, space: 'test' })
  await index.add(vectors)
  found[engine.name] = [...(await index.search(vectors, 2))[0].positions]
  await index.dispose()
}
console.log(JSON.stringify(found))`

const LOSS = `
import { proxyAnchor } from '@lookalike/losses'
const loss = await proxyAnchor().bind({ dim: 8, classes: 4, seed: 1 })
const embeddings = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i))
const { value, gradients } = await loss.compute({ embeddings, labels: Int32Array.from([0, 1, 2, 3, 0, 1, 2, 3]), rows: 8, dim: 8, step: 0, totalSteps: 1 })
console.log(JSON.stringify({ engine: loss.engine, finite: Number.isFinite(value) && gradients.embeddings.every(Number.isFinite) }))`

const GRADIENT = `
import { createGraphBuilder, createSession, differentiate, float32 } from '@lookalike/onnx'
const g = createGraphBuilder({ opset: 17 })
const x = g.input('x', 'float32', [1, 2])
g.output(g.matMul(x, g.initializer('w', float32(Float32Array.of(1, 2, 3, 4), [2, 2]))), 'y', { shape: [1, 2] })
const feed = float32(Float32Array.of(5, 7), [1, 2])
const gradient = await differentiate(g.build(), { example: { x: feed } })
const session = await createSession(gradient.model)
const results = await session.run({ x: feed, ...Object.fromEntries(gradient.weights), [gradient.outputGradients.y]: float32(Float32Array.of(1, 0), [1, 2]) })
console.log(JSON.stringify({ gradient: [...results[gradient.weightGradients.w].data] }))
await session.dispose()`

const TRAIN = `
import { createRegistry } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import losses from '@lookalike/losses'
import { runTrainer } from '@lookalike/pipeline'
import train from '@lookalike/train'
const registry = createRegistry([...encoders, ...losses, ...train])
const context = { folder: '.', cacheFolder: '.cache', seed: 0, threads: 1 }
const encoder = await registry.create('encoder', { use: 'conv-net', imageSize: 16, widths: [8, 8], embeddingDim: 8 }, context)
const trainer = await registry.create('trainer', { use: 'metric-learning', loss: 'proxy-anchor', epochs: 1, workers: 0, sampler: { use: 'balanced', labels: 4, instances: 2 }, augmentations: [], validation: 0 }, context)
const items = Array.from({ length: 12 }, (_, i) => ({
  id: String(i), label: String(i % 4), split: 'train', isQuery: true, isGallery: true,
  source: { data: new Uint8Array(16 * 16 * 3).fill(60 * (i % 4) + i), width: 16, height: 16 },
}))
const result = await runTrainer(trainer, { dataset: { specVersion: 'v1', name: 'greys', items }, encoder, folder: 'runs/test', seed: 0 })
await encoder.dispose()
console.log(JSON.stringify({ artefact: result.artefact, stopped: result.stopped }))`

/** In the order of the README's table. */
export const SUBSETS = [
  {
    name: 'cli',
    title: 'the `lookalike` command, with everything',
    packages: ['@lookalike/cli'],
    program: `${PHOTOS}\nconsole.log(JSON.stringify({ photos: 8 }))`,
  },
  {
    name: 'encoders',
    title: 'images to vectors, in your own code',
    packages: ['@lookalike/core', '@lookalike/encoders'],
    program: `${EMBED}\nconsole.log(JSON.stringify({ rows: embeddings.rows, length: Math.round(Math.hypot(...embeddings.data) * 1e4) / 1e4 }))`,
  },
  {
    name: 'gallery',
    title: 'galleries and search',
    packages: ['@lookalike/core', '@lookalike/gallery'],
    program: GALLERY,
  },
  {
    name: 'losses',
    title: 'losses alone, without anything native',
    packages: ['@lookalike/core', '@lookalike/losses'],
    program: LOSS,
  },
  {
    name: 'onnx',
    title: 'gradients of any ONNX model',
    packages: ['@lookalike/core', '@lookalike/onnx'],
    program: GRADIENT,
  },
  {
    name: 'train',
    title: 'training in your own code',
    packages: [
      '@lookalike/core',
      '@lookalike/pipeline',
      '@lookalike/train',
      '@lookalike/losses',
      '@lookalike/encoders',
    ],
    program: TRAIN,
  },
]
