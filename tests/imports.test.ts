import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { KINDS } from '@lookalike/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN_PLUGINS } from '../apps/cli/src/built-in-plugins.js'
import { packageOf, readImports } from '../scripts/lib/read-imports.mjs'
import { root } from './helpers/run-cli.js'

/* Which package may import which: arrows point down, methods never meet, core knows nobody. */

const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  evaluate: ['core'],
  image: ['core'],
  onnx: ['core'],
  // Its kernels run in onnxruntime where `onnx` is installed: an optional peer.
  losses: ['core', 'onnx'],
  testkit: ['core'],
  datasets: ['core', 'image'],
  loggers: ['core'],
  lancedb: ['core', 'gallery'],
  postgres: ['core'],
  qdrant: ['core'],
  gallery: ['core', 'image', 'onnx'],
  encoders: ['core', 'image', 'onnx'],
  train: ['core', 'image', 'onnx', 'evaluate'],
  ensemble: ['core', 'image', 'onnx', 'train'],
  asymmetric: ['core', 'image', 'onnx', 'train'],
  rerank: ['core', 'image', 'onnx', 'train', 'gallery'],
  pipeline: ['core', 'image', 'evaluate'],
  server: ['core', 'image', 'pipeline'],
  queue: ['core', 'image', 'gallery', 'pipeline'],
  browser: ['core', 'image', 'onnx', 'encoders'],
}

/** What runs plugins, and knows none by name. */
const BLIND = ['core', 'evaluate', 'pipeline']
/** Names of plugins that also stand for something else. */
const ALSO: Readonly<Record<string, readonly string[]>> = { 'packages/core/src/contracts/loss.ts': ['triples'] }

/** Where the command line's plugins and pages may look. */
const APPS = new Set(['camera', 'cli'])
/** Modules of Node, and what loads configs: not for packages that run in a browser. */
const PURE = ['core', 'evaluate', 'losses']

let imports: { from: string; to: string }[]
let circles: string[][]
beforeAll(async () => {
  ;({ imports, circles } = await readImports())
})

it('sees the sources', () => {
  expect(imports.length).toBeGreaterThan(1000)
})

it('no two files import each other in a circle', () => {
  expect(circles.map((circle) => circle.join(' -> '))).toEqual([])
})

it('arrows between packages point down', () => {
  const wrong = imports
    .filter(({ from, to }) => packageOf(from) !== packageOf(to) && !APPS.has(packageOf(from)))
    .filter(({ from, to }) => !ARROWS[packageOf(from)]?.includes(packageOf(to)))
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
})

it('a package enters another by its door: its name, or an entry that it exports', async () => {
  const { stdout } = await promisify(execFile)(
    'git',
    [
      'grep',
      '-nE',
      "from '(@lookalike/[a-z-]+/(src|dist)|\\.\\./\\.\\./\\.\\./)",
      '--',
      'packages/*/src',
      'apps/*/src',
    ],
    { cwd: root },
  ).catch((error: { code: number; stdout: string }) => (error.code === 1 ? { stdout: '' } : Promise.reject(error)))
  expect(stdout).toBe('')
})

describe.each(PURE)('%s', (name) => {
  it('imports no Node module', async () => {
    const files = new Set(imports.filter(({ from }) => packageOf(from) === name).map(({ from }) => from))
    expect(files.size).toBeGreaterThan(5)
    const found = []
    for (const file of files) {
      const text = await readFile(path.join(root, file), 'utf8')
      found.push(...(text.match(/^.*(?:from|import\() ?'node:.*$/gm) ?? []).map((line) => `${file}: ${line}`))
    }
    expect(found).toEqual([])
  })
})

it('what runs plugins knows none of them by name', async () => {
  const names = [...new Set(Object.values(BUILT_IN_PLUGINS).flat())].join('|')
  const named = new RegExp(`(?<quote>['"\`])(${names})\\k<quote>|\\b(use|${KINDS.join('|')}): ['"]?(${names})\\b`, 'g')
  expect("encoder.prefault('builtin')".match(named) && 'dataset: { use: folder }'.match(named)).toBeTruthy()
  const found = []
  for (const file of await codeOf(BLIND)) {
    for (const [text, , quoted] of file.code.matchAll(named))
      if (!ALSO[file.name]?.includes(quoted!)) found.push(`${file.name}: ${text}`)
  }
  expect(found).toEqual([])
})

it('a package names in its texts no other of ours that it does not depend on', async () => {
  const files = await codeOf(Object.keys(ARROWS))
  expect(files.length).toBeGreaterThan(300)
  const found = []
  for (const { name: file, code } of files) {
    const known = [packageOf(file), ...ARROWS[packageOf(file)]!]
    for (const [text, name] of code.matchAll(/@lookalike\/([a-z-]+)/g))
      if (!known.includes(name!)) found.push(`${file}: ${text}`)
  }
  expect(found).toEqual([])
})

/** The sources of packages without their tests and comments. */
async function codeOf(packages: readonly string[]): Promise<{ name: string; code: string }[]> {
  const files = [...new Set(imports.map(({ from }) => from))].filter(
    (file) => packages.includes(packageOf(file)) && !/\.test\.ts$|\/testing\//.test(file),
  )
  return Promise.all(
    files.map(async (name) => ({
      name,
      code: (await readFile(path.join(root, name), 'utf8')).replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, ''),
    })),
  )
}
