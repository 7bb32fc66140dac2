import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { openGallery } from '@lookalike/gallery'
import { createGraphBuilder, saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { root, runCli, spawnCli } from './helpers/run-cli.js'

let folder = ''
const cli = (...args: string[]) => runCli(args, { cwd: folder })
const at = (name: string) => path.join(folder, name)
const PREPROCESSING = 'preprocessing: {resize: {mode: squash}, crop: {width: 8, height: 8}}'
const encoder = (model: string, more = '') => `--encoder={use: onnx, model: ./${model}, ${PREPROCESSING}${more}}`

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-bad-'))
  await makePhotos(at('photos'), 3)
  await writeFile(
    at('lookalike.config.yaml'),
    'name: bad\nencoder: mini\ndataset: { use: folder, path: ./photos, test: 1 }\n',
  )
  expect(await cli('index', 'photos')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('12 images (12 added') as unknown,
  })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A failed command: the code of its error, no stack, and nothing on stdout. */
function expectError(
  { code, stdout, stderr }: Awaited<ReturnType<typeof cli>>,
  exit: number,
  error: string,
  text: RegExp,
) {
  expect(stderr).toMatch(text)
  expect(stderr).toContain(`[${error}]`)
  expect(stderr).not.toContain('    at ')
  expect({ code, stdout }).toEqual({ code: exit, stdout: '' })
}

describe('images', () => {
  it('are each named and left out, and the good ones are indexed', async () => {
    await mkdir(at('mixed/folder.png'), { recursive: true })
    const good = await readFile(at('photos/red/0.png'))
    const header = Buffer.from(good)
    header.writeUInt32BE(40_000, 16)
    header.writeUInt32BE(40_000, 20)
    header.writeUInt32BE((await import('node:zlib')).crc32(header.subarray(12, 29)), 29)
    const damaged = Buffer.from(good)
    damaged.fill(0x55, 60, 90)
    const files = {
      'good.png': good,
      'empty.png': Buffer.alloc(0),
      'text.jpg': 'no picture',
      'cut.png': good.subarray(0, good.length / 2),
      'damaged.png': damaged,
      'huge.png': header,
    }
    for (const [name, content] of Object.entries(files)) await writeFile(at(`mixed/${name}`), content)
    await symlink('gone-target.png', at('mixed/gone.png'))
    const { code, stdout, stderr } = await cli('index', 'mixed', '--gallery=mixed.gallery', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ images: 2, added: 2, skipped: 5 })
    for (const [name, error] of [
      ['empty.png', 'image/empty'],
      ['text.jpg', 'image/unsupported'],
      ['cut.png', 'image/truncated'],
      ['damaged.png', 'image/corrupt'],
      ['huge.png', 'image/too-many-pixels'],
      ['gone.png', 'image/not-found'],
    ] as const) {
      expect(
        stderr.split('\n').find((line) => line.includes(`mixed/${name}`)),
        name,
      ).toContain(`[${error}]`)
    }
    expect(stderr).toContain('40000 x 40000')
  })

  it.each<[string, string, RegExp]>([
    ['photos/gone.png', 'image/not-found', /There is no file photos\/gone\.png/],
    ['photos/red', 'image/is-directory', /photos\/red is a folder/],
    ['lookalike.config.yaml', 'image/unsupported', /it holds text/],
  ])('as a query: %s', async (query, error, text) => {
    expectError(await cli('search', query), 1, error, text)
  })
})

describe('names with a line break in them', () => {
  it('forge no line of what a command prints', async () => {
    await mkdir(at('odd'))
    await cp(at('photos/red/0.png'), at('odd/one\ntwo.png'))
    await cli('index', 'odd', '--gallery=./odd-gallery')
    for (const command of ['search', 'remove']) {
      const { stdout } = await cli(command, 'odd/one\ntwo.png', '--gallery=./odd-gallery')
      expect(stdout).toContain('odd/one\\ntwo.png')
      expect(stdout.split('\n')).not.toContain('two.png')
    }
  }, 120_000)
})

describe('models', () => {
  beforeAll(async () => {
    await writeFile(at('text.onnx'), 'not a model')
    const tokens = createGraphBuilder()
    tokens.output(tokens.relu(tokens.input('tokens', 'float32', ['N', 7])), 'y')
    await saveModel(at('tokens.onnx'), tokens.build())
    const picture = createGraphBuilder()
    picture.output(picture.relu(picture.input('x', 'float32', ['N', 3, 32, 32])), 'y', { shape: ['N', 3, 32, 32] })
    await saveModel(at('picture.onnx'), picture.build())
    const nan = createGraphBuilder()
    const x = nan.input('x', 'float32', ['N', 3, 8, 8])
    nan.output(nan.reshape(nan.log(nan.sub(x, nan.floats(1000))), [0, 192]), 'y', { shape: ['N', 192] })
    await saveModel(at('nan.onnx'), nan.build())
  })

  it.each<[string, string, string, string, RegExp]>([
    ['is no ONNX', 'text.onnx', '', 'onnx/not-onnx', /text\.onnx \(11 bytes\) cannot be read as an ONNX model/],
    ['is not there', 'gone.onnx', '', 'onnx/file', /gone\.onnx does not exist/],
    ['takes no images', 'tokens.onnx', '', 'encoder/input', /tokens float32\[N, 7\]/],
    [
      'takes images of another size',
      'picture.onnx',
      '',
      'encoder/input-shape',
      /\[N, 3, 32, 32\], but the preprocessing makes \[N, 3, 8, 8\]/,
    ],
    ['has no such output', 'nan.onnx', ', output: embeding', 'encoder/output', /no output embeding.*one of y/],
    ['gives NaN', 'nan.onnx', '', 'embeddings/not-finite', /photos\/\w+\/0\.png that is not finite/],
    [
      'asks for a provider that is not there',
      'nan.onnx',
      ', providers: [coreml]',
      'onnx/provider',
      /coreml is not available.*cpu/,
    ],
  ])('one that %s', async (_, model, more, error, text) => {
    expectError(await cli('index', 'photos', '--gallery=other.gallery', encoder(model, more)), 1, error, text)
  })
})

describe('galleries', () => {
  it('of another space are refused, and left as they are', async () => {
    expectError(
      await cli(
        'index',
        'photos',
        '--encoder={use: conv-net, imageSize: 16, widths: [8], depths: [1], embeddingDim: 8}',
      ),
      1,
      'gallery/space',
      /mini.*conv-net|conv-net.*mini/,
    )
    expect((await cli('search', 'photos/red/0.png', '-k', '3')).stdout).toMatch(/red +photos\/red\/0\.png/)
  })

  it('that another process writes to are refused, by its id', async () => {
    const { space, dim } = JSON.parse(await readFile(at('gallery/gallery.json'), 'utf8')) as {
      space: string
      dim: number
    }
    const gallery = await openGallery(at('gallery'), { space, dim })
    try {
      expectError(
        await spawnCli(['index', 'photos'], { cwd: folder }),
        1,
        'gallery/locked',
        new RegExp(`${process.pid}`),
      )
    } finally {
      await gallery.close()
    }
  })

  it('that are damaged are refused, by the file', async () => {
    await cp(at('gallery'), at('damaged.gallery'), { recursive: true })
    await writeFile(at('damaged.gallery/items-1.jsonl'), 'no log')
    expectError(
      await cli('search', 'photos/red/0.png', '--gallery=damaged.gallery'),
      1,
      'gallery/damaged',
      /damaged\.gallery\/items-1\.jsonl/,
    )
  })

  it('smaller than k are searched whole, with a warning', async () => {
    const { code, stdout, stderr } = await cli('search', 'photos/red/0.png', '-k', '500', '--json')
    expect({ code, results: (JSON.parse(stdout) as { results: unknown[] }[])[0]!.results.length }).toEqual({
      code: 0,
      results: 12,
    })
    expect(stderr).toMatch(/500 is larger than the gallery.*\[search\/k-too-large\]/)
  })
})

describe('datasets', () => {
  it.each<[string, string, string, RegExp]>([
    [
      'missing columns',
      'path,lable,split\nphotos/red/0.png,red,test\n',
      'dataset/missing-columns',
      /no column label.*Did you mean lable/,
    ],
    ['a missing label', 'path,label,split\nphotos/red/0.png,,test\n', 'dataset/missing-label', /data\.csv:2/],
    [
      'duplicate ids',
      'path,label,split\nphotos/red/0.png,a,test\nphotos/red/0.png,b,test\n',
      'dataset/duplicate-id',
      /photos\/red\/0\.png/,
    ],
    [
      'images that are not there',
      'path,label,split\nphotos/red/0.png,a,test\nphotos/red/9.png,a,test\n',
      'evaluate/empty',
      /There is no file .*photos\/red\/9\.png.*\[image\/not-found\]/,
    ],
  ])('with %s', async (_, text, error, message) => {
    await writeFile(at('data.csv'), text)
    expectError(await cli('evaluate', '--dataset={use: csv, file: ./data.csv}'), 1, error, message)
  })

  it('with queries that nothing answers, and a k beyond the gallery', async () => {
    const rows = ['red', 'blue'].flatMap((label) =>
      [0, 1].map((i) => `photos/${label}/${i}.png,${label},test,True,True`),
    )
    await writeFile(
      at('data.csv'),
      ['path,label,split,is_query,is_gallery', ...rows, 'photos/grey/0.png,grey,test,True,False', ''].join('\n'),
    )
    const { code, stdout, stderr } = await cli(
      'evaluate',
      '--dataset={use: csv, file: ./data.csv}',
      '--evaluate.ks=[1,50]',
      '--evaluate.reporters=[]',
      '--json',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ queries: 5, stages: [{ metrics: { 'recall@1': 1 } }] })
    expect(stderr).toMatch(/grey.*\[dataset\/queries-without-gallery\]/)
    expect(stderr).toMatch(/k = 50 is larger than the gallery of 4 images.*\[evaluate\/k-too-large\]/)
  })
})

describe('two copies of core', () => {
  it('work together: errors are recognised, and plugins of either are taken', async () => {
    await cp(path.join(root, 'packages/core/dist'), at('copy/core'), { recursive: true })
    await symlink(path.join(root, 'packages/core/node_modules'), at('copy/node_modules'))
    await writeFile(at('copy/package.json'), '{"type": "module"}')
    const one = (await import(
      pathToFileURL(path.join(root, 'packages/core/dist/index.js')).href
    )) as typeof import('@lookalike/core')
    const other = (await import(pathToFileURL(at('copy/core/index.js')).href)) as typeof import('@lookalike/core')
    expect(one.LookalikeError).not.toBe(other.LookalikeError)
    const error = await other
      .createRegistry([])
      .create('encoder', 'gone', { folder: '.', cacheFolder: '.', seed: 0 })
      .catch((cause: unknown) => cause)
    expect(error).not.toBeInstanceOf(one.LookalikeError)
    expect(one.isLookalikeError(error, 'plugin/unknown')).toBe(true)

    await writeFile(
      at('plugin.mjs'),
      `
      import { definePlugin } from ${JSON.stringify(at('copy/core/index.js'))}
      import { z } from ${JSON.stringify(pathToFileURL(path.join(root, 'packages/core/node_modules/zod/index.js')).href)}
      export default definePlugin({
        specVersion: 'v1', kind: 'encoder', name: 'corner', description: 'The first pixel.', options: z.strictObject({}),
        create: () => ({
          specVersion: 'v1', name: 'corner', dim: 3, space: 'corner/1', batchSize: 4,
          input: { kind: 'pixels', preprocessing: { resize: { mode: 'squash' }, crop: { width: 1, height: 1 }, interpolation: 'box', background: [0, 0, 0], scale: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: 'rgb', layout: 'nchw' } },
          encode: async ({ data, count }) => ({ data: data.slice(), rows: count, dim: 3, space: 'corner/1', role: 'any' }),
          dispose: async () => {},
        }),
      })`,
    )
    const { code, stderr, stdout } = await cli(
      'evaluate',
      '--plugins=[./plugin.mjs]',
      '--encoder=corner',
      '--evaluate.reporters=[]',
      '--json',
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ stages: [{ metrics: { 'recall@1': 1 } }] })
  })
})
