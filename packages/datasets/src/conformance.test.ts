import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodePng } from '@lookalike/core'
import { fromPlugin, pluginOf, samplePicture } from '@lookalike/testkit'
import { describeDataset, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import plugins from './index.js'

/* The public benchmarks need downloads: their own tests run them on excerpts. */

describePlugins(plugins)

const folder = await mkdtemp(path.join(tmpdir(), 'datasets-'))
afterAll(() => rm(folder, { recursive: true }))
const rows = ['path,label,split']
for (const label of ['cup', 'chair', 'lamp']) {
  await mkdir(path.join(folder, label))
  for (let i = 0; i < 4; i++) {
    await writeFile(path.join(folder, label, `${i}.png`), await encodePng(samplePicture(i)))
    rows.push(`${label}/${i}.png,${label},${i < 2 ? 'train' : 'test'}`)
  }
}
await writeFile(path.join(folder, 'items.csv'), `${rows.join('\n')}\n`)

const create = (name: string, options: Readonly<Record<string, unknown>>) => fromPlugin(pluginOf(plugins, 'dataset', name), options, { folder })

describeDataset('folder, split by classes', create('folder', { path: '.', splitBy: 'classes', test: 0.5 }), { readImages: 4 })
describeDataset('folder, split by images', create('folder', { path: '.', splitBy: 'images', test: 0.5 }))
describeDataset('csv', create('csv', { file: 'items.csv' }), { readImages: 4 })
