import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installSubset } from '../scripts/lib/install-subset.mjs'
import { type PackedPackage, packPackages } from '../scripts/lib/pack-packages.mjs'
import { type PackageServer, servePackages } from '../scripts/lib/serve-packages.mjs'
import { SUBSETS, type Subset } from '../scripts/lib/subsets.mjs'
import { root } from './helpers/run-cli.js'
import { mustRun, runCommand } from './helpers/run-command.js'

/* What users install, with plain npm, in projects that hold nothing else. */

const MINUTES = 60_000
let folder = ''
let packages: PackedPackage[] = []
let server: PackageServer

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-installs-'))
  packages = await packPackages(path.join(folder, 'packed'))
  server = await servePackages(packages)
}, 20 * MINUTES)
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

const project = (name: string) => path.join(folder, name)
const subset = (name: string): Subset => SUBSETS.find((each) => each.name === name)!

/** Names of all installed packages, nested ones too. */
async function installed(at: string): Promise<string[]> {
  const { packages: found } = JSON.parse(
    await readFile(path.join(at, 'node_modules', '.package-lock.json'), 'utf8'),
  ) as { packages: Record<string, unknown> }
  return Object.keys(found).map((place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length))
}
const filesLike = async (at: string, fits: RegExp) =>
  (await readdir(path.join(at, 'node_modules'), { recursive: true })).filter((file) => fits.test(file))

it('packs nothing that does not belong into a package, and everything that does', () => {
  expect(packages.flatMap(({ problems }) => problems)).toEqual([])
})

it('the tables of the README and of the installed sizes list these subsets', async () => {
  const text = await readFile(path.join(root, 'README.md'), 'utf8')
  const [, table = ''] = /\| you want \| install \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(text) ?? []
  const listed = table
    .trim()
    .split('\n')
    .map((row) => /`([^`]+)` \|$/.exec(row)![1]!.split(' '))
  expect(listed).toEqual(SUBSETS.map((each) => each.packages))
  const sizes = await readFile(path.join(root, 'docs/install-sizes.md'), 'utf8')
  for (const each of SUBSETS) expect(sizes).toContain(`| ${each.title} | \`${each.packages.join(' ')}\` |`)
})

describe('core and losses', () => {
  it(
    'compute a loss, without anything native',
    async () => {
      const { output } = await installSubset(project('losses'), subset('losses'), server)
      expect(JSON.parse(output)).toMatchObject({ engine: 'tensorflow', finite: true })
      const names = await installed(project('losses'))
      for (const native of [
        'onnxruntime-node',
        'onnxruntime-common',
        'sharp',
        'usearch',
        '@tensorflow/tfjs-node',
        '@lookalike/onnx',
      ])
        expect(names).not.toContain(native)
      expect(await filesLike(project('losses'), /\.(node|dll|dylib|so)(\.\d+)*$/)).toEqual([])
    },
    20 * MINUTES,
  )
})

describe('core and encoders', () => {
  it(
    'embed an image',
    async () => {
      const { output } = await installSubset(project('encoders'), subset('encoders'), server)
      expect(JSON.parse(output)).toMatchObject({ rows: 1, length: 1 })
      const names = await installed(project('encoders'))
      for (const other of ['usearch', '@tensorflow/tfjs-core', '@lookalike/train', '@lookalike/gallery'])
        expect(names).not.toContain(other)
    },
    20 * MINUTES,
  )
})

describe('the command line alone', () => {
  beforeAll(async () => {
    await installSubset(project('cli'), subset('cli'), server)
  }, 20 * MINUTES)
  const lookalike = (args: readonly string[], cwd = project('cli')) =>
    mustRun(process.execPath, [path.join(project('cli'), 'node_modules/@lookalike/cli/dist/main.js'), ...args], cwd)

  it('has every native that it needs, on this Node', async () => {
    const { findings } = JSON.parse((await lookalike(['doctor', '--json'])).stdout) as {
      findings: { check: string; status: string }[]
    }
    const of = (check: string) => findings.find((finding) => finding.check === check)?.status
    for (const check of ['node', 'onnxruntime-node', 'sharp', 'usearch', 'tensorflow.js'])
      expect([check, of(check)]).toEqual([check, 'ok'])
  })

  it('is there as "lookalike", and indexes and searches without a config', async () => {
    // The subset's program has made the photos.
    const { stdout } = await mustRun('npx', ['lookalike', 'index', './photos', '--json'], project('cli'))
    expect(JSON.parse(stdout)).toMatchObject({ images: 8, added: 8, skipped: 0 })
    const found = JSON.parse((await lookalike(['search', 'photos/stripes/0.png', '-k', '4', '--json'])).stdout) as {
      results: { id: string; metadata: { label: string } }[]
    }[]
    expect(found[0]!.results.map(({ metadata }) => metadata.label)).toEqual([
      'stripes',
      'stripes',
      'stripes',
      'stripes',
    ])
  })

  describe('with plugins of others', () => {
    const shop = () => path.join(project('shop'), 'configs')
    beforeAll(async () => {
      // A package, as its author publishes it: with core as a peer.
      const author = project('author')
      await mkdir(author, { recursive: true })
      await copyFile(path.join(root, 'tests/plugins/colour-grid.js'), path.join(author, 'index.js'))
      const core = packages.find(({ name }) => name === '@lookalike/core')!.version
      await writeFile(
        path.join(author, 'package.json'),
        JSON.stringify({
          name: '@acme/colour-grid',
          version: '1.2.3',
          type: 'module',
          exports: './index.js',
          files: ['index.js'],
          peerDependencies: { '@lookalike/core': `^${core}` },
        }),
      )
      await mustRun('npm', ['pack', '--silent'], author)
      // Another project, whose config names it; the command is not installed there.
      await mkdir(shop(), { recursive: true })
      await writeFile(path.join(project('shop'), '.npmrc'), server.npmrc)
      await writeFile(path.join(project('shop'), 'package.json'), '{"private": true}')
      await mustRun(
        'npm',
        ['install', '--prefer-offline', '--no-audit', '--no-fund', path.join(author, 'acme-colour-grid-1.2.3.tgz')],
        project('shop'),
      )
      await mkdir(path.join(project('shop'), 'own'))
      await writeFile(
        path.join(project('shop'), 'own', 'reverse.ts'),
        `
        import { createRanking, type Plugin } from '@lookalike/core'
        const options = { '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }), jsonSchema: { input: () => ({ type: 'object', additionalProperties: false }) } } }
        export default {
          specVersion: 'v1', kind: 'reranker', name: 'reverse', description: 'The other way round.', options,
          create: () => ({
            specVersion: 'v1', name: 'reverse', needs: 'embeddings', topN: 3,
            async rerank({ ranking }: { ranking: { positions: Int32Array; distances: Float32Array } }) {
              const positions = ranking.positions.slice()
              positions.subarray(0, 3).reverse()
              return { ranking: createRanking(positions, ranking.distances), warnings: [] }
            },
            async dispose() {},
          }),
        } as unknown as Plugin
      `,
      )
      await writeFile(
        path.join(shop(), 'lookalike.config.yaml'),
        'plugins: ["@acme/colour-grid", ../own/reverse.ts]\nencoder: { use: colour-grid, cells: 2 }\n',
      )
    }, 20 * MINUTES)

    it('uses a package and a file, both looked up from the folder of the config', async () => {
      const config = ['--config', path.join(shop(), 'lookalike.config.yaml')]
      const listed = JSON.parse((await lookalike(['plugins', '--json', ...config])).stdout) as {
        kind: string
        name: string
        package: string
        version?: string
      }[]
      expect(listed).toContainEqual(
        expect.objectContaining({
          kind: 'encoder',
          name: 'colour-grid',
          package: '@acme/colour-grid',
          version: '1.2.3',
        }),
      )
      expect(listed).toContainEqual(
        expect.objectContaining({ kind: 'reranker', name: 'reverse', package: '../own/reverse.ts' }),
      )
      await lookalike(['index', path.join(project('cli'), 'photos'), ...config])
      const search = async (...more: string[]) => {
        const found = JSON.parse(
          (await lookalike(['search', 'photos/stripes/0.png', '-k', '5', '--json', ...config, ...more])).stdout,
        ) as { results: { id: string }[] }[]
        return found[0]!.results.map(({ id }) => id)
      }
      const plain = await search()
      const [a, b, c, ...tail] = plain
      expect(await search('--rerankers=[reverse]')).toEqual([c, b, a, ...tail])
    })

    it('is part of the composed schema', async () => {
      const { stdout } = await lookalike(['schema', '--config', shop()])
      const { $defs } = JSON.parse(stdout) as { $defs: Record<string, { properties?: Record<string, unknown> }> }
      expect($defs['encoder.colour-grid']!.properties).toMatchObject({
        cells: { description: 'Cells along each edge.' },
      })
      expect($defs).toHaveProperty(['reranker.reverse'])
    })

    it('says where a package was looked for that is not there, and how to install it', async () => {
      const file = path.join(shop(), 'missing.yaml')
      await writeFile(file, 'plugins: [nowhere-to-be-found]\n')
      const { code, output } = await runCommand(
        process.execPath,
        [path.join(project('cli'), 'node_modules/@lookalike/cli/dist/main.js'), 'plugins', '--config', file],
        project('cli'),
      )
      expect(code).toBe(2)
      expect(output).toContain(`The plugin nowhere-to-be-found was not found from ${shop()}`)
      expect(output).toContain('npm install nowhere-to-be-found')
    })
  })
})
