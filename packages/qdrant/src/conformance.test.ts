import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWriter } from '../../../tests/helpers/start-writer.js'
import plugins from './index.js'
import { type StubQdrant, startStubQdrant } from './testing/stub-qdrant.js'

const plugin = pluginOf(plugins, 'gallery', 'qdrant')
const run = `t${Date.now().toString(36)}`
const writer = new URL('./testing/writer.ts', import.meta.url)
let galleries = 0
const next = () => `${run}_${galleries++}`

let stub: StubQdrant
beforeAll(async () => {
  stub = await startStubQdrant()
})
afterAll(async () => {
  await stub.stop()
  expect(stub.violations).toEqual([])
})

describePlugins(plugins)
describeGallery(
  'a stub, whose requests and answers are those of Qdrant’s description',
  fromPlugin(plugin, () => ({ url: stub.url, collection: next() })),
  { startWriter: ({ name }) => startWriter(writer, stub.url, name.split(' ')[1]!) },
)

const url = process.env['LOOKALIKE_QDRANT_URL']
if (url === undefined) describe.skip('a server: LOOKALIKE_QDRANT_URL is not set', () => it('is not there', () => {}))
else
  describeGallery(
    'a server',
    fromPlugin(plugin, () => ({ url, collection: next() })),
    { startWriter: ({ name }) => startWriter(writer, url, name.split(' ')[1]!) },
  )
