import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { runCli, spawnCli } from './helpers/run-cli.js'

/* What commands load before they do anything: their time to start, in a way that no busy machine changes. */

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-loading-'))
  await makePhotos(path.join(folder, 'photos'), 3)
  await writeFile(path.join(folder, 'lookalike.config.yaml'), 'encoder: mini\ngallery: ./gallery\ncache: ./cache\n')
  expect(await runCli(['index', 'photos', '--quiet'], { cwd: folder })).toMatchObject({ code: 0 })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Packages by name, ours and others, and how many modules of each. */
async function loadedBy(...args: string[]): Promise<Map<string, number>> {
  const list = path.join(folder, 'modules.txt')
  await writeFile(list, '')
  const preload = new URL('./helpers/list-modules.mjs', import.meta.url).href
  const env = { NODE_OPTIONS: `--import ${preload}`, LIST_MODULES: list }
  const { code, stderr } = await spawnCli(args, { cwd: folder, env })
  expect(code, stderr).toBe(0)
  const found = new Map<string, number>()
  for (const line of new Set((await readFile(list, 'utf8')).split('\n'))) {
    const [, outer] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(line) ?? []
    const [, ours] = /\/((?:packages|apps)\/[^/]+)\/dist\//.exec(line) ?? []
    const name = outer ?? ours
    if (name !== undefined && !line.endsWith('list-modules.mjs')) found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}

it('the overview loads the command alone', async () => {
  const found = await loadedBy('--help')
  expect([...found.keys()].sort()).toEqual(['apps/cli', 'picocolors'])
  expect(found.get('apps/cli')).toBeLessThanOrEqual(8)
})

it('a search loads what it needs, and nothing that trains, judges, serves or asks a hub', async () => {
  const found = await loadedBy('search', 'photos/red/0.png')
  const ours = [...found.keys()].filter((name) => /^(packages|apps)\//.test(name))
  expect(ours.sort()).toEqual(
    [
      'apps/cli',
      ...['core', 'encoders', 'evaluate', 'gallery', 'image', 'onnx', 'pipeline'].map((name) => `packages/${name}`),
    ].sort(),
  )
  const heavy = /tensorflow|usearch|jiti|undici|fastify|hono|huggingface|tar-stream|esbuild|playwright/
  expect([...found.keys()].filter((name) => heavy.test(name))).toEqual([])
  expect([...found.values()].reduce((sum, count) => sum + count, 0)).toBeLessThan(280)
})
