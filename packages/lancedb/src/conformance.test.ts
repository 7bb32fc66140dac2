import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import plugins from './index.js'
import { startWriter } from './testing/start-writer.js'

const uri = mkdtempSync(path.join(tmpdir(), 'lookalike-lancedb-'))
afterAll(() => rm(uri, { recursive: true, force: true }))

let tables = 0
describePlugins(plugins)
describeGallery(
  'lancedb',
  fromPlugin(pluginOf(plugins, 'gallery', 'lancedb'), () => ({ uri, table: `t${tables++}` })),
  { startWriter: ({ name }) => startWriter(uri, name.split(' ')[1]!) },
)
