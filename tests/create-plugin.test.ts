import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, KINDS, type Kind } from '@lookalike/core'
import { loadConfig, loadPlugins, resolveConfig } from '@lookalike/pipeline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { packPackages } from '../scripts/lib/pack-packages.mjs'
import { type PackageServer, servePackages } from '../scripts/lib/serve-packages.mjs'
import { fencedBlocks } from './helpers/markdown.js'
import { root } from './helpers/run-cli.js'
import { mustRun } from './helpers/run-command.js'

/* A package of every kind, as npm writes, installs, builds and tests it: one install for all of them. */

const MINUTES = 60_000
let folder = ''
let server: PackageServer
const nameOf = (kind: Kind) => (kind === 'loss' ? 'my-loss' : `@acme/lookalike-my-${kind}`)
const folderOf = (kind: Kind) => path.join(folder, 'plugins', kind === 'loss' ? 'my-loss' : `lookalike-my-${kind}`)

const running = new Map<Kind, Promise<void>>()

/** Builds, type-checks and tests the packages, as many at once as there are processors. */
function startAll(): void {
  const waiting = [...KINDS]
  const done = new Map(
    KINDS.map((kind) => {
      let settle!: { resolve: () => void; reject: (reason: unknown) => void }
      running.set(kind, new Promise<void>((resolve, reject) => (settle = { resolve, reject })))
      running.get(kind)!.catch(() => {})
      return [kind, settle] as const
    }),
  )
  const worker = async () => {
    for (let kind = waiting.shift(); kind; kind = waiting.shift()) {
      const { resolve, reject } = done.get(kind)!
      const script = (name: string) => mustRun('npm', ['run', '--silent', name], folderOf(kind!))
      await script('build')
        .then(() => script('typecheck'))
        .then(() => script('test'))
        .then(() => resolve(), reject)
    }
  }
  for (let i = 0; i < availableParallelism(); i++) void worker()
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-create-'))
  const packages = await packPackages(path.join(folder, 'packed'))
  server = await servePackages(packages)
  await writeFile(
    path.join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', workspaces: ['plugins/*'] }),
  )
  await writeFile(path.join(folder, '.npmrc'), `${server.npmrc}prefer-offline=true\naudit=false\nfund=false\n`)
  // As the documentation says it, for one kind; the command alone for the others.
  const registry = { npm_config_registry: server.url }
  const plugins = path.join(folder, 'plugins')
  await mkdir(plugins)
  await mustRun(
    'npm',
    ['create', '--yes', 'lookalike-plugin@latest', 'my-loss', '--', '--kind', 'loss', '--yes'],
    plugins,
    registry,
  )
  const others = KINDS.filter((kind) => kind !== 'loss').map(
    (kind) => `create-lookalike-plugin ${nameOf(kind)} --kind ${kind} --yes`,
  )
  await mustRun(
    'npm',
    ['exec', '--yes', '--package=create-lookalike-plugin@latest', '-c', others.join(' && ')],
    plugins,
    registry,
  )
  await mustRun('npm', ['install', '--no-progress'], folder)
  startAll()
}, 10 * MINUTES)

afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

it.each(KINDS)(
  'a new %s builds, has its types right, passes its tests, and works by its name in the config of its README',
  async (kind) => {
    await running.get(kind)
    const readme = await readFile(path.join(folderOf(kind), 'README.md'), 'utf8')
    const [yaml] = fencedBlocks(readme).filter(({ language }) => language === 'yaml')
    const file = path.join(folder, `${kind}.lookalike.config.yaml`)
    await writeFile(file, yaml!.code)
    const loaded = await loadConfig(file)
    const registry = createRegistry([
      ...(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli'))),
      ...(await loadPlugins(loaded.config.plugins, folder)),
    ])
    expect(registry.origin(kind, `my-${kind}`)).toMatchObject({ package: nameOf(kind), version: '0.1.0' })
    await expect(resolveConfig(loaded.config, registry, file)).resolves.toBeDefined()
  },
  10 * MINUTES,
)
