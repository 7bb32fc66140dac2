import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Kind, type Plugin } from '@lookalike/core'
import { loadPlugins } from '@lookalike/pipeline'
import { beforeAll, expect, it, vi } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { publicPackages, root } from '../scripts/lib/pack-packages.mjs'

/*
 * No plugin of ours may be left out of the conformance checks. The packages' conformance tests are read with a testkit that only notes what is
 * handed to its checks; they themselves run beside the packages.
 */

const noted = vi.hoisted(() => ({ defined: new Set<string>(), checked: new Set<string>() }))

vi.mock('@lookalike/testkit/vitest', async (original) => {
  const real = await original<Record<string, unknown>>()
  const note = (kind: string) => (_title: string, create: { plugin?: Plugin }) =>
    void (create.plugin?.kind === kind && noted.checked.add(`${kind} ${create.plugin.name}`))
  return Object.fromEntries(
    Object.keys(real).map((name) => [
      name,
      name === 'describePlugins'
        ? (plugins: readonly Plugin[]) =>
            plugins.forEach((plugin) => noted.defined.add(`${plugin.kind} ${plugin.name}`))
        : note(name.replace('describe', '').toLowerCase()),
    ]),
  )
})
vi.mock('@lookalike/testkit', async (original) => {
  const real = await original<typeof import('@lookalike/testkit')>()
  return {
    ...real,
    fromPlugin: (plugin: Plugin, ...rest: [never, never]) =>
      Object.assign(real.fromPlugin(plugin as Plugin<Kind>, ...rest), { plugin }),
  }
})

/** Packages with plugins that users install beside the command: heavy, or for a service of their own. */
const BESIDE: readonly string[] = ['@lookalike/lancedb', '@lookalike/postgres', '@lookalike/qdrant']

let all: string[] = []
beforeAll(async () => {
  all = (await loadPlugins(BUILT_IN, path.join(root, 'apps/cli')))
    .map(({ plugin }) => `${plugin.kind} ${plugin.name}`)
    .sort()
  for (const { folder, manifest } of publicPackages()) {
    if (BESIDE.includes(manifest.name)) all.push(...(await pluginsOf(folder)))
    for (const file of await readdir(path.join(folder, 'src'), { recursive: true })) {
      if (path.basename(file) === 'conformance.test.ts')
        await import(pathToFileURL(path.join(folder, 'src', file)).href)
    }
  }
})

it('every package with plugins is one that every config may use, or is installed beside', async () => {
  const found: string[] = []
  for (const { folder, manifest } of publicPackages()) {
    const module = (await import(pathToFileURL(path.join(folder, 'src/index.ts')).href)) as Record<string, unknown>
    if (Object.keys(module).includes('default') && Array.isArray(module['default'])) found.push(manifest.name)
  }
  expect(found.sort()).toEqual([...BUILT_IN, ...BESIDE].sort())
})

it('every plugin has its definition checked', () => {
  expect(all.length).toBeGreaterThan(50)
  expect(all.filter((plugin) => !noted.defined.has(plugin))).toEqual([])
})

it('every plugin runs the checks of its kind', () => {
  expect(all.filter((plugin) => !noted.checked.has(plugin))).toEqual([])
})

async function pluginsOf(folder: string): Promise<string[]> {
  const module = (await import(pathToFileURL(path.join(folder, 'src/index.ts')).href)) as { default: Plugin[] }
  return module.default.map(({ kind, name }) => `${kind} ${name}`)
}
