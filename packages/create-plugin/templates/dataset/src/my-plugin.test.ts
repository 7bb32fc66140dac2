import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodePng } from '@lookalike/image'
import { fromPlugin, samplePicture } from '@lookalike/testkit'
import { describeDataset, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll, expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

const folder = await mkdtemp(path.join(tmpdir(), 'my-plugin-'))
afterAll(() => rm(folder, { recursive: true }))
const lines = await Promise.all(
  Array.from({ length: 6 }, async (_, i) => {
    await writeFile(path.join(folder, `${i}.png`), await encodePng(samplePicture(i)))
    return JSON.stringify({ image: `${i}.png`, label: i % 2 === 0 ? 'cup' : 'chair' })
  }),
)
await writeFile(path.join(folder, 'items.jsonl'), `${lines.join('\n')}\n`)

describePlugins(plugins)
describeDataset('my-plugin', fromPlugin(myPlugin, { file: 'items.jsonl' }, { folder }), { readImages: 6 })

it('names the line that does not fit', async () => {
  await writeFile(path.join(folder, 'bad.jsonl'), `${lines[0]}\n{"image": "1.png"}\n`)
  await expect(fromPlugin(myPlugin, { file: 'bad.jsonl' }, { folder })()).rejects.toThrow('bad.jsonl:2')
})
