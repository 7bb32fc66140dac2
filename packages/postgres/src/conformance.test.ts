import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll, beforeAll, describe, it } from 'vitest'
import plugins, { postgresStore } from './index.js'
import { startWriter } from './testing/start-writer.js'

const home = mkdtempSync(path.join(tmpdir(), 'lookalike-postgres-'))
const embedded = path.join(home, 'database')
const plugin = pluginOf(plugins, 'gallery', 'postgres')
let tables = 0
/** Open all the time, so that the database need not start for each check. */
let kept: { close(): Promise<void> }

beforeAll(async () => {
  kept = await postgresStore({ embedded, table: 'kept' }).open({ space: 'kept', dim: 2 })
})
afterAll(async () => {
  await kept.close()
  await rm(home, { recursive: true, force: true })
})

describePlugins(plugins)
describeGallery(
  'embedded',
  fromPlugin(plugin, () => ({ embedded, table: `t${tables++}` })),
)

const url = process.env['LOOKALIKE_POSTGRES_URL']
if (url === undefined) describe.skip('a server: LOOKALIKE_POSTGRES_URL is not set', () => it('is not there', () => {}))
else {
  const run = `t${Date.now().toString(36)}`
  describeGallery(
    'a server',
    fromPlugin(plugin, () => ({ table: `${run}_${tables++}` })),
    { startWriter: ({ name }) => startWriter('url', url, name.split(' ')[1]!) },
  )
}
