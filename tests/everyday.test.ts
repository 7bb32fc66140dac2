import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { encodePng, resizeImage } from '@lookalike/image'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli, spawnCli } from './helpers/run-cli.js'

/* The everyday commands as people call them, on a few drawn pictures. The tests of the packages look closer. */

let folder = ''
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-everyday-')))
  for (let i = 0; i < 8; i++) {
    const random = createRandom(`picture ${i}`)
    const small = Uint8Array.from({ length: 6 * 6 * 3 }, () => random.integer(256))
    const large = resizeImage({ data: small, width: 6, height: 6 }, 96, 96, 'nearest')
    await mkdir(path.join(folder, `photos/${i % 2 ? 'odd' : 'even'}`), { recursive: true })
    const file = path.join(folder, `photos/${i % 2 ? 'odd' : 'even'}/${i}.png`)
    await writeFile(file, await encodePng(large))
    if (i === 3) await writeFile(path.join(folder, 'photos/odd/copy of 3.png'), await encodePng(large))
  }
  await call('index', './photos', '--index=usearch')
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function call(...args: string[]) {
  const { code, stdout, stderr } = await runCli([...args, '--encoder=mini', '--json'], { cwd: folder })
  if (code !== 0) throw new Error(`lookalike ${args.join(' ')} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Record<string, never>
}
const at = (name: string) => path.join(folder, name)

it('an index that is kept is there after indexing', async () => {
  expect(existsSync(at('gallery/index-1.json'))).toBe(true)
})

it('duplicates: found, shown, moved away and back', async () => {
  const found = await call('duplicates', '--html', 'duplicates.html')
  expect(found['groups']).toMatchObject([
    { kind: 'exact', keep: { id: 'photos/odd/3.png' }, others: [{ id: 'photos/odd/copy of 3.png' }] },
  ])
  expect(await readFile(at('duplicates.html'), 'utf8')).toContain('photos/odd/copy of 3.png')
  const unanswered = await runCli(['duplicates', '-t', '0', '--delete', '--encoder=mini'], { cwd: folder })
  expect([unanswered.code, unanswered.stderr]).toEqual([2, expect.stringContaining('--yes')])
  await call('duplicates', '-t', '0', '--delete', '--yes', '--to', 'aside')
  expect([existsSync(at('photos/odd/copy of 3.png')), existsSync(at('aside/photos/odd/copy of 3.png'))]).toEqual([
    false,
    true,
  ])
  expect(await call('verify')).toMatchObject({ images: 8, sound: true })
  expect(await call('duplicates', '--undo', 'aside')).toMatchObject({ left: [] })
  expect(await call('verify', '--contents')).toMatchObject({ images: 9, sound: true })
}, 120_000)

it('clusters: folders, a table and a page', async () => {
  const { clusters } = await call('cluster', '-k', '3', '--out', 'sorted', '--csv', 'c.csv', '--html', 'c.html')
  expect(clusters).toHaveLength(3)
  expect(existsSync(at('sorted/cluster-03'))).toBe(true)
  expect((await readFile(at('c.csv'), 'utf8')).split('\r\n')).toHaveLength(11)
  expect(await readFile(at('c.html'), 'utf8')).toContain('cluster-03')
  const { stdout } = await runCli(['cluster'], { cwd: folder })
  expect(stdout).toMatch(/Of 2, 3 this number has the best silhouette.* The images have 2 classes: -k 2 /)
}, 120_000)

it('out and in again: export, embed, import, merge, remove', async () => {
  expect(await call('export', 'gallery', 'all.parquet')).toMatchObject({ images: 9 })
  expect(await call('import', 'all.parquet', '--gallery=./second')).toMatchObject({ added: 9 })
  expect(await call('embed', 'photos/odd', '--out', 'odd.npy')).toMatchObject({ images: 5, skipped: 0 })
  expect(await call('import', 'odd.npy', '--gallery=./second')).toMatchObject({ added: 0, unchanged: 5 })
  expect(await call('merge', 'second', '--gallery=./third')).toMatchObject({ images: 9, added: 9 })
  expect(await call('remove', '--filter', 'label=even', '--gallery=./third')).toMatchObject({
    removed: expect.arrayContaining(['photos/even/0.png']) as unknown,
  })
  expect(await call('verify', '--gallery=./third')).toMatchObject({ images: 5 })
  const lines = await runCli(['export', 'gallery', '-', '--gallery=./third', '--encoder=mini'], { cwd: folder })
  expect(lines.stdout.trimEnd().split('\n')).toHaveLength(5)
}, 120_000)

it('shards by a scheduler, merged', async () => {
  const gallery = '--gallery=./sharded'
  for (const shard of ['1/2', '2/2'])
    expect(await call('index', './photos', gallery, `--shard=${shard}`)).toMatchObject({ removed: 0 })
  expect(await call('merge', gallery)).toMatchObject({ shards: 2, images: 9, added: 9 })
  await rm(at('sharded.shards/2-of-2'), { recursive: true })
  const { code, stderr } = await runCli(['merge', gallery], { cwd: folder })
  expect([code, stderr]).toEqual([1, expect.stringContaining('Of 2 shards one is missing: 2.')])
}, 120_000)

it('a model for others', async () => {
  expect(await call('export', 'model', 'model')).toMatchObject({
    files: expect.arrayContaining(['config.json']) as unknown,
  })
  expect(await readFile(at('model/README.md'), 'utf8')).toContain('library_name: lookalike')
  const { code, stderr } = await runCli(['push', 'model', 'me/model'], {
    cwd: folder,
    env: { HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: '', HF_TOKEN_PATH: at('none') },
  })
  expect([code, stderr]).toEqual([1, expect.stringContaining('HF_TOKEN')])
}, 120_000)

it('follows a folder until it is stopped', async () => {
  let stop: (signal: NodeJS.Signals) => void = () => undefined
  const running = spawnCli(['index', './photos', '--watch', '--encoder=mini', '--gallery=./followed'], {
    cwd: folder,
    onStart: (kill) => (stop = kill),
  })
  const size = async () => {
    const log = await readFile(at('followed/items-1.jsonl'), 'utf8').catch(() => '')
    return log.split('"op":"add"').length - 1
  }
  while ((await size()) < 9) await new Promise((resolve) => setTimeout(resolve, 100))
  // Watching begins a little after: what is written until it is seen.
  for (let n = 0; (await size()) < 10; n++) {
    await writeFile(at('photos/even/new.png'), await readFile(at(`photos/even/${n % 2 ? 0 : 2}.png`)))
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
  stop('SIGINT')
  // 130 where it was indexing just then.
  expect([0, 130]).toContain((await running).code)
}, 120_000)
