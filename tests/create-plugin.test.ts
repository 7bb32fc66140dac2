import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, KINDS, type Kind } from '@lookalike/core'
import { loadConfig, loadPlugins, resolveConfig } from '@lookalike/pipeline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { packPackages } from '../scripts/lib/pack-packages.mjs'
import { type PackageServer, servePackages } from '../scripts/lib/serve-packages.mjs'
import { fencedBlocks } from './helpers/markdown.js'
import { root } from './helpers/run-cli.js'
import { type CommandResult, mustRun, runCommand } from './helpers/run-command.js'

/* A package of every kind, as npm writes, installs, builds and tests it: one install for all of them. */

const MINUTES = 60_000
/** A new package's tests have five seconds each; on a busy machine that is a measure of the machine. */
const LIMIT = '--testTimeout=600000'
let folder = ''
let server: PackageServer
const nameOf = (kind: Kind) => (kind === 'loss' ? 'my-loss' : `@acme/lookalike-my-${kind}`)
const folderOf = (kind: Kind) => path.join(folder, 'plugins', kind === 'loss' ? 'my-loss' : `lookalike-my-${kind}`)

const built = (kind: Kind) => path.join(folderOf(kind), 'dist/index.js')

interface TestReport {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly message: string }[]
}
let types: CommandResult | undefined
let tests: TestReport['testResults'] = []

/** What the scripts of every package say, in one process a script: a compiler and a test runner take longer to start than for a package. */
async function checkAll(): Promise<void> {
  const others = KINDS.filter((kind) => kind !== 'loss')
  const tsup = path.join(folder, 'node_modules/tsup/dist/cli-default.js')
  for (const kind of others) await mustRun(process.execPath, [tsup], folderOf(kind))
  // All have the same settings; see below.
  const extended = './plugins/my-loss/tsconfig.json'
  const compilerOptions = { noEmit: true, emitDeclarationOnly: false, rootDir: '.' }
  const config = { extends: extended, compilerOptions, include: ['plugins/*/src'] }
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
  types = await runCommand('npx', ['tsc', '--pretty', 'false'], folder)
  await runCommand('npx', ['vitest', 'run', LIMIT, '--reporter=json', '--outputFile=tests.json'], folder)
  tests = (JSON.parse(await readFile(path.join(folder, 'tests.json'), 'utf8')) as TestReport).testResults
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-create-')))
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
  await checkAll()
}, 10 * MINUTES)

afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

it(
  'the scripts of a new package are those of its README: they test, check the types and build',
  async () => {
    await mustRun('npm', ['run', '--silent', 'test', '--', LIMIT], folderOf('loss'))
    for (const name of ['typecheck', 'build']) await mustRun('npm', ['run', '--silent', name], folderOf('loss'))
    expect(existsSync(path.join(folderOf('loss'), 'dist/my-loss.d.ts'))).toBe(true)
  },
  10 * MINUTES,
)

it.each(KINDS)(
  'a new %s builds, has its types right, passes its tests, and works by its name in the config of its README',
  async (kind) => {
    const settings = (of: Kind) => readFile(path.join(folderOf(of), 'tsconfig.json'), 'utf8')
    expect(await settings(kind)).toBe(await settings('loss'))
    const { scripts } = JSON.parse(await readFile(path.join(folderOf(kind), 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    expect(scripts).toMatchObject({ build: 'tsup && tsc', test: 'vitest run', typecheck: 'tsc --noEmit' })
    expect(existsSync(built(kind))).toBe(true)
    expect(types?.output.split('\n').filter((line) => line.includes(`${path.basename(folderOf(kind))}/`))).toEqual([])
    expect(types?.code, types?.output).toBe(0)
    const own = tests.filter(({ name }) => path.dirname(path.dirname(name)) === folderOf(kind))
    expect(own).not.toEqual([])
    expect(own.filter(({ status }) => status !== 'passed')).toEqual([])
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
