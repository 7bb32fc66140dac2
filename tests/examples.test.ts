import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { createRegistry, loadConfig, loadPlugins, resolveConfig } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/open-project.js'
import { root, runCli } from './helpers/run-cli.js'

const examples = path.join(root, 'examples')
const configs = (await readdir(examples, { recursive: true }))
  .filter((file) => /(^|[/\\])[^/\\]*lookalike\.config\.(ts|js|mjs|yaml|json)$/.test(file) && !/node_modules|runs[/\\]/.test(file))
  .sort()

/** Examples that are done in seconds; the others train. */
const QUICK = ['emoji/lookalike.config.yaml']

describe('every shipped config', () => {
  it('is found', () => {
    expect(configs).toEqual(expect.arrayContaining(QUICK))
  })

  it.each(configs)('%s names only what is there', async (file) => {
    const { config, folder } = await loadConfig(path.join(examples, file))
    const registry = createRegistry([...(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli'))), ...(await loadPlugins(config.plugins, folder))])
    await expect(resolveConfig(config, registry, file)).resolves.toBeDefined()
  })

  it.each(QUICK)('%s runs', async (file) => {
    const { code, stdout, stderr } = await runCli(['evaluate', '--config', path.join(examples, file), '--name=test', '--json'], { cwd: root })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const result = JSON.parse(stdout) as { queries: number; stages: { metrics: Record<string, number> }[] }
    expect(result.queries).toBe(5890)
    expect(result.stages[0]!.metrics['recall@8']).toBeGreaterThan(result.stages[0]!.metrics['recall@1']!)
  }, 300_000)
})
