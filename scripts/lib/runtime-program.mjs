// One program that uses what a service is made of, for every runtime: it draws photographs, embeds their files, searches and judges a gallery of them, and trains a head.

export const RUNTIME_PROGRAM = `
import { mkdir, rm } from 'node:fs/promises'
import { createRegistry } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import { measureEmbeddings, truthOfItems } from '@lookalike/evaluate'
import { openGallery } from '@lookalike/gallery'
import { embedImages, hashImage } from '@lookalike/image'
import losses from '@lookalike/losses'
import { runTrainer } from '@lookalike/pipeline'
import train from '@lookalike/train'
import sharp from 'sharp'

const folder = process.argv[2] ?? 'drawn'
const draw = { stripes: (x, y, i) => (Math.floor((x + i) / 8) % 2 ? 230 : 20), disc: (x, y, i) => (Math.hypot(x - 32 - i, y - 32) < 22 ? 20 : 230) }
const items = []
for (const [label, value] of Object.entries(draw)) {
  await mkdir(folder + '/' + label, { recursive: true })
  for (let i = 0; i < 4; i++) {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => value(Math.floor(at / 3) % 64, Math.floor(at / 192), i))
    const source = folder + '/' + label + '/' + i + '.jpg'
    await sharp(data, { raw: { width: 64, height: 64, channels: 3 } }).jpeg().toFile(source)
    items.push({ id: label + i, label, source, split: 'train', isQuery: true, isGallery: true })
  }
}
const registry = createRegistry([...encoders, ...losses, ...train])
const context = { folder, cacheFolder: folder + '/cache', seed: 0, threads: 1 }
const encoder = await registry.create('encoder', 'mini', context)
const { embeddings } = await embedImages(encoder, items)

const gallery = await openGallery(folder + '/gallery', { space: encoder.space, dim: encoder.dim })
const entries = []
for (const { id, label, source } of items) entries.push({ id, hash: await hashImage({ source }), metadata: { label } })
await gallery.add(entries, { embeddings })
const [hits] = await gallery.search({ ...embeddings, rows: 1, data: embeddings.data.slice(0, encoder.dim) }, 4)
await gallery.close()
const { metrics } = await measureEmbeddings(embeddings, embeddings, truthOfItems(items, items), ['recall@1'])

const trainer = await registry.create('trainer', { use: 'head', loss: 'proxy-anchor', head: { dim: 8 }, epochs: 2, sampler: { use: 'balanced', labels: 2, instances: 4 }, validation: 0 }, context)
const { artefact, stopped } = await runTrainer(trainer, { dataset: { specVersion: 'v1', name: 'drawn', items }, encoder, folder: folder + '/run', seed: 0 })
await encoder.dispose()
console.log(JSON.stringify({ found: hits.map(({ entry }) => entry.metadata.label), recall: metrics['recall@1'], artefact, stopped }))`

/** What it has to print. */
export const RUNTIME_RESULT = {
  found: Array(4).fill('stripes'),
  recall: 1,
  artefact: 'model.onnx',
  stopped: 'finished',
}
