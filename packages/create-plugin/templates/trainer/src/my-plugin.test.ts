import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Dataset } from '@lookalike/core'
import encoders, { createOnnxEncoder } from '@lookalike/encoders'
import { embedImages } from '@lookalike/image'
import { runTrainer } from '@lookalike/pipeline'
import { fromPlugin, pluginOf, samplePicture } from '@lookalike/testkit'
import { describePlugins, describeTrainer } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

const images = Array.from({ length: 24 }, (_, i) => ({
  id: `${i}`,
  source: samplePicture(i),
  label: `${i % 3}`,
  split: 'train' as const,
  isQuery: true,
  isGallery: true,
}))
const dataset = (): Dataset => ({ specVersion: 'v1', name: 'pictures', items: images })
const encoder = fromPlugin(
  pluginOf(encoders, 'encoder', 'conv-net'),
  { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 1 },
  { threads: 1 },
)

describePlugins(plugins)
describeTrainer('my-plugin', fromPlugin(myPlugin, { batchSize: 5 }), { dataset, encoder, train: runTrainer })

it('gives an encoder whose vectors are centred on the training images', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'my-plugin-'))
  await runTrainer(await fromPlugin(myPlugin)(), { dataset: dataset(), encoder: await encoder(), folder, seed: 1 })
  const trained = await createOnnxEncoder({ model: path.join(folder, 'model.onnx'), threads: 1 })
  const { embeddings } = await embedImages(trained, images)
  const mean = Array.from(
    { length: 6 },
    (_, i) => embeddings.data.reduce((sum, value, at) => (at % 6 === i ? sum + value : sum), 0) / images.length,
  )
  for (const value of mean) expect(Math.abs(value)).toBeLessThan(0.2)
  await trained.dispose()
  await rm(folder, { recursive: true })
})
