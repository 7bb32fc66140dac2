import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import { startWriter } from '../../../tests/helpers/start-writer.js'
import plugins from './index.js'

const uri = mkdtempSync(path.join(tmpdir(), 'lookalike-lancedb-'))
afterAll(() => rm(uri, { recursive: true, force: true }))

let tables = 0
describePlugins(plugins)
describeGallery(
  'lancedb',
  fromPlugin(pluginOf(plugins, 'gallery', 'lancedb'), () => ({ uri, table: `t${tables++}` })),
  { startWriter: ({ name }) => startWriter(new URL('./testing/writer.ts', import.meta.url), uri, name.split(' ')[1]!) },
)
