import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, type Registry } from '@lookalike/core'
import { CONFIG_KEYS, loadConfig, loadPlugins, resolveConfig } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { COMMANDS, loadCommand } from '../apps/cli/src/commands/index.js'
import { FINDINGS } from '../apps/cli/src/doctor/diagnose.js'
import { splitArguments } from '../apps/cli/src/split-arguments.js'
import { publicPackages } from '../scripts/lib/pack-packages.mjs'
import { makePhotos } from './helpers/make-photos.js'
import { type FencedBlock, fencedBlocks, headingAnchors, relativeLinks } from './helpers/markdown.js'
import { root, runNode } from './helpers/run-cli.js'
import { commandsOf } from './helpers/shell.js'
import { typeCheck } from './helpers/type-check.js'

const under = async (folder: string, fits: RegExp) =>
  (await readdir(path.join(root, folder), { recursive: true }))
    .map((file) => path.join(folder, file).split(path.sep).join('/'))
    .filter((file) => fits.test(file) && !/\/(node_modules|runs|dist|api|\.vitepress)\//.test(file))
const readmes = async (folder: string) =>
  (await readdir(path.join(root, folder)))
    .map((name) => `${folder}/${name}/README.md`)
    .filter((file) => existsSync(path.join(root, file)))

const guides = ['README.md', ...(await under('docs', /\.md$/))].sort()
const pages = [...guides, ...(await readmes('packages')), ...(await readmes('apps')), ...(await readmes('examples'))]
const texts = new Map(
  await Promise.all(pages.map(async (file) => [file, await readFile(path.join(root, file), 'utf8')] as const)),
)

interface Block extends FencedBlock {
  readonly file: string
  readonly place: string
}
/** Blocks in these languages; one that is marked `sketch` shows a shape and is nothing that works alone. */
const blocks = (...languages: string[]): Block[] =>
  pages
    .flatMap((file) =>
      fencedBlocks(texts.get(file)!).map((block) => ({ ...block, file, place: `${file}:${block.line}` })),
    )
    .filter(({ language, notes }) => languages.includes(language) && !notes.includes('sketch'))

it('the generated references are up to date', () => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'scripts/docs.mjs'), '--check'], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
}, 600_000)

it('the README of a package has at most 100 lines', async () => {
  const long = (await readmes('packages')).filter((file) => texts.get(file)!.trimEnd().split('\n').length > 100)
  expect(long).toEqual([])
})

describe('links', () => {
  it.each(pages)('%s leads only to what is there', (file) => {
    const dead = relativeLinks(texts.get(file)!).filter((link) => {
      const [target = '', anchor] = decodeURI(link).split('#')
      const full = target === '' ? file : path.posix.join(path.posix.dirname(file), target)
      if (!existsSync(path.join(root, full))) return true
      const text = texts.get(full)
      return anchor !== undefined && text !== undefined && !headingAnchors(text).has(anchor)
    })
    expect(dead).toEqual([])
  })
})

describe('configs', () => {
  const CONFIG_KEYS = ['$schema', 'dataset', 'encoder', 'combiner', 'rerankers', 'train', 'evaluate']
  const configs = [
    ...blocks('yaml'),
    ...blocks('json').filter(({ code }) => CONFIG_KEYS.some((key) => Object.hasOwn(JSON.parse(code) as object, key))),
  ]
  let registry: Registry
  let folder = ''
  beforeAll(async () => {
    registry = createRegistry([
      ...(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli'))),
      // Installed beside the command by those who want them.
      ...(await loadPlugins(['@lookalike/lancedb'], path.join(root, 'packages/lancedb'))),
      ...(await loadPlugins(['@lookalike/postgres'], path.join(root, 'packages/postgres'))),
      ...(await loadPlugins(['@lookalike/qdrant'], path.join(root, 'packages/qdrant'))),
    ])
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-docs-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(configs.map((block) => [block.place, block] as const))(
    '%s is valid',
    async (place, { code, language, line }) => {
      const file = path.join(folder, `${line}.${language}`)
      await writeFile(file, code)
      const { config } = await loadConfig(file)
      await expect(resolveConfig(config, registry, place)).resolves.toBeDefined()
    },
  )
})

it('every block of TypeScript has the right types', () => {
  const found = blocks('ts', 'typescript')
  expect(found.length).toBeGreaterThan(0)
  const byPlace = new Map(found.map((block) => [block.place, block]))
  const errors = typeCheck(
    new Map(found.map(({ place, code }) => [place, code])),
    root,
    path.join(root, 'tsconfig.base.json'),
  )
  const fileOf = (name: string) => byPlace.get(name)!.file
  // What a block imports from a file beside it is another block, or the reader's own.
  const isNeighbour = ({ code, message }: { code: number; message: string }) =>
    code === 2307 && message.startsWith("Cannot find module './")
  const isUnknownName = ({ name, code }: { name: string; code: number }) =>
    [2304, 2552, 18004].includes(code) && !guides.includes(fileOf(name))
  const [unknown, rest] = [
    errors.filter((error) => isNeighbour(error) || isUnknownName(error)),
    errors.filter((error) => !isNeighbour(error) && !isUnknownName(error)),
  ]
  // A package's README may use what the text around its ten lines has introduced, and types that would follow from it; guides say everything.
  const open = new Set(unknown.map(({ name }) => name).filter((name) => !guides.includes(fileOf(name))))
  const wrong = rest.filter(({ name, code }) => !(open.has(name) && [7006, 7031, 2345].includes(code)))
  expect(
    wrong.map(
      ({ name, line, message }) => `${byPlace.get(name)!.file}:${byPlace.get(name)!.line + line - 1} ${message}`,
    ),
  ).toEqual([])
})

describe('commands', async () => {
  const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const ours = new Set(publicPackages().map(({ manifest }) => manifest.name))
  /** What a new plugin's package has, too. */
  const SCRIPTS = [...Object.keys(scripts), 'typecheck', 'build', 'test']

  const checkers: Readonly<Record<string, (words: readonly string[], file: string) => unknown>> = {
    async lookalike([name = '', ...argv]) {
      expect(COMMANDS).toContain(name)
      const command = await loadCommand(name as (typeof COMMANDS)[number])
      splitArguments(argv, command.args, command.takesOverrides ? CONFIG_KEYS : [])
    },
    npx([name = '', ...words], file) {
      if (name === 'lookalike') return checkers.lookalike!(words, file)
      return expect(['changeset', 'publint', 'attw']).toContain(name)
    },
    npm([action = '', ...words]) {
      if (['install', 'i'].includes(action))
        return expect(words.filter((word) => word.startsWith('@lookalike/') && !ours.has(word))).toEqual([])
      if (action === 'create') return expect(words[0]).toMatch(/^lookalike-plugin(@latest)?$/)
      return expect(SCRIPTS).toContain(action === 'run' ? words[0] : action)
    },
    pnpm([action = '', ...words]) {
      if (action === '--filter') return expect([words[0], words[1]]).toEqual(['@lookalike/camera', 'build'])
      return expect(SCRIPTS).toContain(action === 'run' ? words[0] : action)
    },
    export: ([name = '']) => expect(name).toMatch(/^LOOKALIKE_[A-Z_]+=/),
    node: ([script = ''], file) =>
      expect(
        [path.join(root, script), path.join(root, path.dirname(file), script)].some((at) => existsSync(at)),
        script,
      ).toBe(true),
    cd: () => undefined,
  }
  const lines = blocks('sh').flatMap(({ code, file, place }) =>
    commandsOf(code).map((words) => [`${place} ${words.join(' ')}`, words, file] as const),
  )

  it.each(lines)('%s', async (_, [program = '', ...words], file) => {
    expect(Object.keys(checkers)).toContain(program)
    await checkers[program]!(words, file)
  })
})

it('no block is left unchecked: what is no code is marked as text', () => {
  const CHECKED = ['ts', 'typescript', 'yaml', 'json', 'sh']
  const SHOWN = ['text', 'csv']
  const all = pages.flatMap((file) =>
    fencedBlocks(texts.get(file)!).map(({ language, notes, line }) => ({ language, notes, place: `${file}:${line}` })),
  )
  expect(all.filter(({ language }) => ![...CHECKED, ...SHOWN].includes(language)).map(({ place }) => place)).toEqual([])
  expect(all.filter(({ notes }) => notes.includes('sketch')).map(({ place }) => place)).toEqual([])
})

it('troubleshooting has everything that doctor finds, and nothing else', () => {
  const found = Object.entries(FINDINGS).flatMap(([check, states]) => states.map((status) => `${check} ${status}`))
  const table = /\| finding \|[^]*?\n\n/.exec(texts.get('docs/troubleshooting.md')!)![0]
  const rows = [...table.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) ([!✗])/gm)]
  const listed = rows.flatMap(([, names, mark]) =>
    names!.split(', ').map((name) => `${name.replaceAll('`', '')} ${mark === '!' ? 'warn' : 'fail'}`),
  )
  expect([...new Set(listed)].sort()).toEqual(found.sort())
})

it('the ten lines of the README work as printed', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-readme-'))
  try {
    await makePhotos(path.join(folder, 'photos'), 2)
    await copyFile(path.join(folder, 'photos/red/0.png'), path.join(folder, 'cat.jpg'))
    const snippet = fencedBlocks(texts.get('README.md')!).find(({ code }) => code.includes('addImages'))!
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
    await writeFile(path.join(folder, 'snippet.mjs'), snippet.code)
    const { code, stdout, stderr } = await runNode(['snippet.mjs'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^photos\/red\/0\.png /)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
