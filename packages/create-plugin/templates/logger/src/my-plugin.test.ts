import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin } from '@lookalike/testkit'
import { describeLogger, describePlugins } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeLogger('my-plugin', fromPlugin(myPlugin))

it('writes a row for each figure', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'my-plugin-'))
  try {
    const logger = await fromPlugin(myPlugin, { digits: 2 })()
    const session = await logger.open({ name: 'a run', folder, resumed: false, facts: {} })
    await session.log({ step: 3, figures: { loss: 0.25, 'recall@1': 1 } })
    await session.close({ state: 'finished', metrics: {} })
    expect(await readFile(path.join(folder, 'my-plugin.csv'), 'utf8')).toBe('3,"loss",0.25\n3,"recall@1",1.0\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
