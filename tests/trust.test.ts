import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openGallery } from '@lookalike/gallery'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { root, runCli } from './helpers/run-cli.js'

let folder = ''
let asked: string[] = []
let server: Server | undefined
let address = ''
const shop = () => path.join(folder, 'shop')
const cli = (...args: string[]) => runCli(args, { cwd: shop() })
const plain = 'encoder: { use: colour-grid, cells: 2 }\nplugins: [./colour-grid.mjs]\n'

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-trust-'))
  await mkdir(shop())
  await makePhotos(path.join(shop(), 'photos'), 2)
  await makePhotos(path.join(folder, 'private'), 1)
  await copyFile(path.join(root, 'tests/plugins/colour-grid.js'), path.join(shop(), 'colour-grid.mjs'))
  await writeFile(path.join(shop(), 'lookalike.config.yaml'), plain)
  const picture = await readFile(path.join(folder, 'private/red/0.png'))
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end(picture)
  })
  await new Promise<void>((resolve) => void server!.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('a gallery of someone else', () => {
  const found = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli('search', 'photos/red/0.png', '-k', '8', '--html', 'found.html', ...args)
    expect(code, stderr).toBe(0)
    const page = await readFile(path.join(shop(), 'found.html'), 'utf8')
    return { stdout, stderr, missing: page.split('class="gone"').length - 1 }
  }

  it('opens no file and no address that nobody allowed', async () => {
    expect((await cli('index', 'photos')).code).toBe(0)
    expect(await found()).toMatchObject({ stderr: expect.not.stringContaining('[image/') as string, missing: 0 })
    const known = JSON.parse((await cli('search', 'photos/red/0.png', '-k', '1', '--json')).stdout)[0].results[0]
    expect(known.id).toBe('photos/red/0.png')
    const gallery = await openGallery(path.join(shop(), 'gallery'), await spaceOf())
    await gallery.update([
      { id: 'photos/red/0.png', source: '../../private/red/0.png' },
      { id: 'photos/red/1.png', source: path.join(folder, 'private/red/0.png') },
      { id: 'photos/blue/0.png', source: `${address}/entry.png` },
      { id: 'photos/blue/1.png', source: 'file:///etc/passwd' },
    ])
    // What a gallery says of itself opens no folder.
    await gallery.moveRoot(path.parse(folder).root)
    await gallery.close()

    const refused = await found()
    expect(refused.missing).toBe(4)
    expect(refused.stderr).toMatch(/leads out of/)
    expect(refused.stderr).toMatch(/images\.paths/)
    expect(asked).toEqual([])

    // The cache is this project's own: datasets draw pictures into it.
    expect((await found('--cache=../private')).missing).toBe(2)
    expect(asked).toEqual([])

    const allowed = await found(`--images.paths=["${path.join(folder, 'private')}"]`, '--images.urls=any')
    expect(allowed.missing).toBe(1)
    expect(asked).toEqual(['/entry.png'])
  })

  const spaceOf = async () => {
    const manifest = JSON.parse(await readFile(path.join(shop(), 'gallery/gallery.json'), 'utf8'))
    return { space: manifest.space as string, dim: manifest.dim as number }
  }
})

it('reads whatever address a person types', async () => {
  expect((await cli('index', 'photos', '--gallery=./typed', '--json')).code).toBe(0)
  asked = []
  const searched = await cli(
    'search',
    `${address}/typed.png`,
    '-k',
    '3',
    '--gallery=./typed',
    '--json',
    '--images.urls=none',
  )
  expect(searched.stderr).toBe('')
  expect(searched.code).toBe(0)
  expect(asked).toEqual(['/typed.png'])
  expect((await cli('index', `${address}/new.png`, '--gallery=./typed', '--json')).stdout).toContain('"added": 1')
})

describe('a table of someone else', () => {
  const table = 'path,label,split\n../private/red/0.png,a,test\n../private/green/0.png,a,test\n'
  const evaluate = (...more: string[]) =>
    cli('evaluate', '--dataset.use=csv', '--dataset.file=./index.csv', '--evaluate.reporters=["json"]', ...more)

  it('names files of its own folder, and of those that the config allows', async () => {
    await writeFile(path.join(shop(), 'index.csv'), table)
    const refused = await evaluate('--json')
    expect(JSON.parse(refused.stdout).error.code).toBe('dataset/path-outside')
    expect(await evaluate('--images.paths=["../private"]')).toMatchObject({ code: 0 })
  })
})

describe('--no-plugins', () => {
  const refused = async (name: string, text: string, more: Record<string, string> = {}) => {
    const at = path.join(folder, name.replace(/\W/g, '-'))
    await mkdir(at)
    for (const [file, content] of Object.entries({ [name]: text, ...more }))
      await writeFile(path.join(at, file), content)
    const { code, stdout } = await runCli(['plugins', '--no-plugins', '--config', path.join(at, name), '--json'], {
      cwd: at,
    })
    return { code, error: (JSON.parse(stdout) as { error?: { code: string } }).error?.code, at }
  }
  const evil = 'import { writeFileSync } from "node:fs"\nwriteFileSync(new URL("ran", import.meta.url), "")\n'

  it.each([
    ['plugins.yaml', 'plugins: [./evil.mjs]\n', { 'evil.mjs': evil }],
    ['base.json', '{ "extends": "./more.mjs" }', { 'more.mjs': `${evil}export default {}\n` }],
    ['package.yaml', 'extends: some-package\n', {}],
    ['code.mjs', `${evil}export default {}\n`, {}],
    ['code.ts', `${evil}export default {}\n`, {}],
  ])('refuses what would run code: %s', async (name, text, more) => {
    const result = await refused(name, text, more)
    expect(result).toMatchObject({ error: 'config/runs-code' })
    expect(result.code).not.toBe(0)
    await expect(readFile(path.join(result.at, 'ran'))).rejects.toThrow('ENOENT')
  })

  it('takes data', async () => {
    const result = await refused('data.yaml', 'extends: ./more.json\nseed: 1\n', { 'more.json': '{ "name": "more" }' })
    expect(result).toMatchObject({ code: 0, error: undefined })
  })
})
