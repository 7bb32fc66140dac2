import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { KINDS } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KIND_TEMPLATES, TEMPLATE_KINDS } from './kinds.js'
import { run } from './run.js'

const before = process.cwd()
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'create-plugin-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A command line that is run in the folder by a process of its own would cost seconds; the current folder is all that is changed. */
async function command(...argv: string[]) {
  const lines = { out: [] as string[], err: [] as string[] }
  const spy = process.cwd
  process.cwd = () => folder
  try {
    const code = await run(argv, {
      interactive: false,
      print: (text) => lines.out.push(text),
      printError: (text) => lines.err.push(text),
    })
    return { code, out: lines.out.join('\n'), err: lines.err.join('\n') }
  } finally {
    process.cwd = spy
  }
}

describe('create-lookalike-plugin', () => {
  it('has a template for every kind that core knows', () => {
    expect([...TEMPLATE_KINDS].sort()).toEqual([...KINDS].sort())
  })

  it.each(TEMPLATE_KINDS)('writes a package for the kind %s', async (kind) => {
    const { code, out } = await command('@acme/lookalike-shiny', '--kind', kind, '--yes')
    expect(code).toBe(0)
    const target = path.join(folder, 'lookalike-shiny')
    expect(out).toContain('npm test')
    const files = (await readdir(target, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(
      files
        .map((entry) => path.relative(target, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
        .sort(),
    ).toEqual([
      '.github/workflows/ci.yml',
      '.gitignore',
      'LICENSE',
      'README.md',
      'package.json',
      'src/shiny.test.ts',
      'src/shiny.ts',
      ...(kind === 'gallery' ? ['src/versions.ts'] : []),
      'tsconfig.json',
      'tsup.config.ts',
    ])
    for (const entry of files) {
      const text = await readFile(path.join(entry.parentPath, entry.name), 'utf8')
      expect(text, entry.name).not.toMatch(/my-plugin|myPlugin|\{\{(?!\s)/)
    }
    const manifest = JSON.parse(await readFile(path.join(target, 'package.json'), 'utf8')) as Record<string, unknown>
    expect(manifest).toMatchObject({
      name: '@acme/lookalike-shiny',
      type: 'module',
      sideEffects: false,
      description: KIND_TEMPLATES[kind].description,
    })
    const readme = await readFile(path.join(target, 'README.md'), 'utf8')
    expect(readme).toContain('plugins: ["@acme/lookalike-shiny"]')
  })

  it('names a plugin of its own where the name is left out', async () => {
    expect(await command('--kind', 'loss', '--yes')).toMatchObject({ code: 0 })
    expect(await readdir(folder)).toEqual(['lookalike-my-loss'])
  })

  it('never writes into a folder that holds anything, and takes an empty one', async () => {
    await mkdir(path.join(folder, 'my-loss'))
    await mkdir(path.join(folder, 'mine'))
    await writeFile(path.join(folder, 'mine', 'notes.txt'), 'keep')
    expect(await command('my-loss', '--kind', 'loss', '--yes')).toMatchObject({ code: 0 })
    expect(await command('mine', '--kind', 'loss', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('holds a file') as unknown,
    })
    expect(await readdir(path.join(folder, 'mine'))).toEqual(['notes.txt'])
    await writeFile(path.join(folder, 'file'), '')
    expect(await command('file', '--kind', 'loss', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is no folder') as unknown,
    })
  })

  it.each([
    [['--kind', 'los', '--yes'], 'There is no kind "los". One of: encoder'],
    [['--yes'], '--kind encoder|loss'],
    [['My Loss', '--kind', 'loss', '--yes'], 'npm refuses the name "My Loss"'],
    [['a', 'b', '--kind', 'loss'], 'One name, not 2'],
    [['--kin', 'loss'], "Unknown option '--kin'"],
    [[], 'no terminal'],
  ])('says what is wrong with %j', async (argv, text) => {
    const { code, err } = await command(...argv)
    expect(code).toBe(2)
    expect(err).toContain(text)
    expect(await readdir(folder)).toEqual([])
  })

  it('explains itself', async () => {
    const { code, out } = await command('--help')
    expect(code).toBe(0)
    for (const kind of KINDS) expect(out).toContain(kind)
    expect((await command('--version')).out).toMatch(/^\d+\.\d+\.\d+/)
    expect(process.cwd()).toBe(before)
  })
})
