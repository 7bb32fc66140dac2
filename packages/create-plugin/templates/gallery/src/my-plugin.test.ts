import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin } from '@lookalike/testkit'
import { describeGallery, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

const home = mkdtempSync(path.join(tmpdir(), 'my-plugin-'))
afterAll(() => rm(home, { recursive: true, force: true }))
let count = 0

describePlugins(plugins)
// Each call is a new place. A store that is killed safely shows it with startWriter; an approximate one says { recall: 0.95 }.
describeGallery(
  'my-plugin',
  fromPlugin(myPlugin, () => ({ path: path.join(home, `${count++}`) })),
)
