import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startWriter } from '../../../tests/helpers/start-writer.js'
import plugins from './index.js'
import { type ServedPglite, servePglite } from './testing/serve-pglite.js'

const home = mkdtempSync(path.join(tmpdir(), 'lookalike-postgres-'))
const embedded = path.join(home, 'database')
const plugin = pluginOf(plugins, 'gallery', 'postgres')
let tables = 0
/** Open all the time, so that the database starts once. */
let server: ServedPglite

beforeAll(async () => {
  server = await servePglite(embedded)
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

describePlugins(plugins)
describeGallery(
  'embedded',
  fromPlugin(plugin, () => ({ embedded, table: `t${tables++}` })),
)
describeGallery(
  'a server over TCP',
  fromPlugin(plugin, () => ({ url: server.url, table: `t${tables++}` })),
)

const url = process.env['LOOKALIKE_POSTGRES_URL']
if (url === undefined)
  describe.skip('another server: LOOKALIKE_POSTGRES_URL is not set', () => it('is not there', () => {}))
else {
  const run = `t${Date.now().toString(36)}`
  describeGallery(
    'another server',
    fromPlugin(plugin, () => ({ table: `${run}_${tables++}` })),
    {
      startWriter: ({ name }) =>
        startWriter(new URL('./testing/writer.ts', import.meta.url), 'url', url, name.split(' ')[1]!),
    },
  )
}
