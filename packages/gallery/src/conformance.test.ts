import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeGallery, describeIndex, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import { startWriter } from '../../../tests/helpers/start-writer.js'
import plugins from './index.js'

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  fromPlugin(pluginOf(plugins, 'index', name), options)

describeIndex('exact', create('exact', { threads: 1 }))
describeIndex('usearch', create('usearch', { precision: 'fp32' }), { recall: 0.98 })
describeIndex('usearch in half precision', create('usearch'), { recall: 0.98, tolerance: 2e-3 })
describeIndex('usearch in eight bits', create('usearch', { precision: 'int8' }), { recall: 0.95, tolerance: 4e-2 })
describeIndex('usearch left on disk', create('usearch', { precision: 'fp32', mapped: true }), { recall: 0.98 })

const home = mkdtempSync(path.join(tmpdir(), 'lookalike-galleries-'))
afterAll(() => rm(home, { recursive: true, force: true }))
let places = 0

describeGallery(
  'a folder',
  fromPlugin(pluginOf(plugins, 'gallery', 'local'), () => ({ path: path.join(home, `${places++}`) })),
  { startWriter: ({ name }) => startWriter(new URL('./testing/writer.ts', import.meta.url), name) },
)
