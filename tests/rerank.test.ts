import { cp, mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRandom, type Preprocessing } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { encodePng } from '@lookalike/image'
import { saveModel } from '@lookalike/onnx'
import { buildPairModel } from '@lookalike/rerank'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from './helpers/run-cli.js'

let folder = ''
const cli = (args: string[]) => runCli(args, { cwd: folder })
const filesIn = async (place: string) =>
  (await readdir(path.join(folder, place), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    .length

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-rerank-'))
  await makeHardPhotos(path.join(folder, 'photos'))
  const vit = buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 2, seed: 3 })
  await saveModel(path.join(folder, 'model.onnx'), vit)
  const preprocessing = JSON.parse(vit.metadata['lookalike.preprocessing']!) as Preprocessing
  // Without the encoder's own distance an untrained pair model judges at random.
  const { model } = await buildPairModel(
    { model: vit, output: 'embedding', preprocessing },
    { fusion: 1, stageOne: false, seed: 1 },
  )
  await saveModel(path.join(folder, 'pair.onnx'), model)
  await writeFile(
    path.join(folder, 'lookalike.config.yaml'),
    [
      'name: pairs',
      'threads: 1',
      'encoder: { use: onnx, name: tiny, model: ./model.onnx }',
      'dataset: { use: folder, path: ./photos, test: 1 }',
      'rerankers: [{ use: alpha-query-expansion, topN: 8 }, { use: stir, model: ./pair.onnx, topN: 4 }]',
      'evaluate: { ks: [1, 4], metrics: [recall, map] }',
      '',
    ].join('\n'),
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Classes that differ by less than their pictures do, so that a search finds some and misses some. */
async function makeHardPhotos(place: string): Promise<void> {
  const random = createRandom(11)
  for (const [label, name] of ['red', 'green', 'blue', 'grey'].entries()) {
    await mkdir(path.join(place, name), { recursive: true })
    for (let i = 0; i < 4; i++) {
      const shade = [0, 1, 2].map(() => 60 + random.integer(130))
      const data = Uint8Array.from(
        { length: 16 * 16 * 3 },
        (_, at) => shade[at % 3]! + (at % 3 === label ? 40 : 0) + random.integer(20),
      )
      await writeFile(path.join(place, name, `${i}.png`), await encodePng({ data, width: 16, height: 16 }))
    }
  }
}

interface Found {
  readonly results: readonly { readonly id: string; readonly distance: number }[]
}
const search = async (args: string[]) => {
  const { code, stdout, stderr } = await cli(['search', 'photos/green/1.png', '-k', '6', '--json', '--quiet', ...args])
  expect(code, stderr).toBe(0)
  return { stderr, results: (JSON.parse(stdout) as Found[])[0]!.results }
}

describe('search --no-match', () => {
  const answers = async (target: string, args: string[] = []) => {
    const given = ['photos/green/1.png', 'photos/red/2.png', 'photos/blue/0.png', 'photos/grey/3.png']
    const options = ['--no-match', target, '--evaluate.calibration=test', '--json', '--gallery=matches', ...args]
    expect(await cli(['index', 'photos', '--json', '--gallery=matches', ...args])).toMatchObject({ code: 0 })
    const { code, stdout, stderr } = await cli(['search', ...given, ...options])
    return { code, stderr, found: code === 0 ? (JSON.parse(stdout) as (Found & { noMatch?: object })[]) : [] }
  }

  it.each([
    ['by the encoder', ['--rerankers=[]']],
    ['by the pair model', []],
  ])('answers "no match" beyond a calibrated distance, %s', async (_, args) => {
    const { stderr, found } = await answers('0.1', args)
    expect(stderr).toMatch(/Matches are nearer than \d/)
    expect(found).toHaveLength(4)
    for (const { results, noMatch } of found) expect(results.length > 0).toBe(noMatch === undefined)
    const strict = await answers('0.06', args)
    const some = ({ found: all }: typeof strict) => all.filter(({ results }) => results.length > 0).length
    expect(some(strict)).toBeLessThanOrEqual(found.filter(({ results }) => results.length > 0).length)
  })

  it('refuses what it cannot promise, and what is no share', async () => {
    const few = await answers('0.01', ['--rerankers=[]'])
    expect(few).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot promise a risk of 0.01') as unknown })
    const none = await answers('1.5', ['--rerankers=[]'])
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('--no-match is 1.5') as unknown })
  })
})

describe('a gallery with a reranker that looks at images', () => {
  it('keeps the tokens of its images, can be copied with them, and loses those of images that are gone', async () => {
    expect(await cli(['index', 'photos', '--json'])).toMatchObject({ code: 0, stderr: '' })
    expect(await filesIn('gallery/stir')).toBe(16)
    const first = await search([])
    expect(first.results.map(({ distance }) => distance)).toEqual(
      first.results.map(({ distance }) => distance).toSorted((a, b) => a - b),
    )
    const plain = await search(['--rerankers=[{use: alpha-query-expansion, topN: 8}]'])
    expect(new Set(first.results.slice(0, 4).map(({ id }) => id))).toEqual(
      new Set(plain.results.slice(0, 4).map(({ id }) => id)),
    )
    expect(first.results.map(({ id }) => id)).not.toEqual(plain.results.map(({ id }) => id))
    expect(first.results.slice(4)).toEqual(plain.results.slice(4))
    // Nothing had to be made while searching.
    await expect(filesIn('.lookalike/pair-tokens')).rejects.toThrow()

    await cp(path.join(folder, 'gallery'), path.join(folder, 'copy.gallery'), { recursive: true })
    expect((await search(['--gallery=./copy.gallery'])).results).toEqual(first.results)

    await unlink(path.join(folder, 'photos/blue/3.png'))
    expect((await cli(['index', 'photos', '--prune', '--json'])).code).toBe(0)
    expect(await filesIn('gallery/stir')).toBe(15)
  })

  it('leaves a candidate whose picture is gone in its place, and says which', async () => {
    const before = await search(['--rerankers=[{use: alpha-query-expansion, topN: 8}]'])
    const gone = before.results[1]!.id
    await cp(path.join(folder, gone), path.join(folder, 'kept.png'))
    await unlink(path.join(folder, gone))
    const { code, stdout, stderr } = await cli(['search', 'photos/green/1.png', '-k', '6', '--json'])
    await cp(path.join(folder, 'kept.png'), path.join(folder, gone))
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as Found[])[0]!.results[1]!.id).toBe(gone)
    expect(stderr).toContain(path.basename(gone))
    expect(stderr).toContain('keeps its place')
  })

  it('can be indexed before the pair model is trained', async () => {
    const { code, stderr } = await cli([
      'index',
      'photos',
      '--gallery=./early.gallery',
      '--rerankers=[{use: stir, model: ./later.onnx}]',
      '--json',
    ])
    expect(code).toBe(0)
    expect(stderr).toContain('later.onnx')
    expect(
      await cli([
        'search',
        'photos/green/1.png',
        '--gallery=./early.gallery',
        '--rerankers=[{use: stir, model: ./later.onnx}]',
      ]),
    ).toMatchObject({ code: 1, stderr: expect.stringContaining('Train one first') as unknown })
  })
})

describe('an evaluation with several rerankers', () => {
  it('has a column for each, and pictures of the queries that gained and lost most', async () => {
    const { code, stdout, stderr } = await cli(['evaluate', '--json', '--quiet'])
    expect(code, stderr).toBe(0)
    const { stages } = JSON.parse(stdout) as { stages: { name: string; metrics: Record<string, number> }[] }
    expect(stages.map(({ name }) => name)).toEqual(['search', 'alpha-query-expansion', 'stir'])
    expect(stages[2]!.metrics['recall@4']).toBe(stages[1]!.metrics['recall@4'])
    expect(stages[2]!.metrics['recall@1']).toBeLessThanOrEqual(stages[1]!.metrics['recall@4']!)
    const page = await readFile(path.join(folder, 'runs/pairs/report.html'), 'utf8')
    expect(page).toContain('<th>+ alpha-query-expansion</th><th>+ stir</th>')
    for (const title of ['Gained most by stir', 'Lost most by stir']) {
      const section = page.split(title)[1]!.split('<h2')[0]!
      expect(section, title).toMatch(/<img /)
    }
  })
})
