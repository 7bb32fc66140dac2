import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultConfig, loadConfig } from './load-config.js'

let folder = ''
async function put(file: string, text: string) {
  const full = path.join(folder, file)
  await mkdir(path.dirname(full), { recursive: true })
  await writeFile(full, text)
  return full
}
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Ten to the power of `levels` values in a few lines. */
const laughs = (levels: number) =>
  `a0: &a0 [x, x]\n${Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]\n`).join('')}`

/** An object of `keys` keys, merged `times` times. */
const merges = (keys: number, times: number) =>
  `a: &a {${Array.from({ length: keys }, (_, i) => `k${i}: 1`).join(', ')}}\nb: { <<: [${'*a, '.repeat(times)}] }\n`

describe('loadConfig', () => {
  it.each([
    ['yaml', 'seed: 3\nencoder: { use: onnx, model: m.onnx }\n'],
    ['json', '{"$schema": "./s.json", "seed": 3, "encoder": {"use": "onnx", "model": "m.onnx"}}'],
    ['js', 'export default { seed: 3, encoder: { use: "onnx", model: "m.onnx" } }'],
    ['mjs', 'export default { seed: 3, encoder: { use: "onnx", model: "m.onnx" } }'],
    [
      'ts',
      'const seed: number = 3\nexport default { seed, encoder: { use: "onnx", model: "m.onnx" } } satisfies object',
    ],
  ])('reads %s and fills in the defaults', async (extension, text) => {
    await put(`${extension}/package.json`, '{"type": "module"}')
    const file = await put(`${extension}/lookalike.config.${extension}`, text)
    const loaded = await loadConfig(path.join(folder, extension))
    expect(loaded.files).toEqual([file])
    expect(loaded.config).toMatchObject({
      name: extension,
      seed: 3,
      encoder: { kind: 'encoder', use: 'onnx', options: { model: 'm.onnx' }, path: 'encoder' },
      rerankers: [],
      evaluate: {
        split: 'test',
        ks: [1, 2, 4, 8],
        reporters: [],
      },
      images: { onCorrupt: 'skip' },
    })
  })

  it('extends: objects merge, arrays and other plugins replace, plugin files belong to their config', async () => {
    await put(
      'ext/base/lookalike.config.yaml',
      'plugins: [./p.js, acme]\nevaluate: { ks: [1, 2, 3], split: validation }\nencoder: { use: onnx, model: a }\nindex: { use: usearch, connectivity: 8 }\n',
    )
    await put(
      'ext/lookalike.config.yaml',
      'extends: ./base\nevaluate: { ks: [5] }\nencoder: { use: onnx, batchSize: 2 }\nindex: { use: exact }\n',
    )
    const { config, files } = await loadConfig(path.join(folder, 'ext'))
    expect(config.evaluate).toMatchObject({ ks: [5], split: 'validation' })
    expect(config.encoder).toMatchObject({ use: 'onnx', options: { model: 'a', batchSize: 2 } })
    expect(config.index).toMatchObject({ use: 'exact', options: {} })
    expect(config.plugins).toEqual([path.join(folder, 'ext/base/p.js'), 'acme'])
    expect(files).toHaveLength(2)
  })

  it('refuses circles and missing bases', async () => {
    await put('circle/a.yaml', 'extends: ./b.yaml\n')
    await put('circle/b.yaml', 'extends: ./a.yaml\n')
    await put('circle/c.yaml', 'extends: ./gone.yaml\n')
    await expect(loadConfig(path.join(folder, 'circle/a.yaml'))).rejects.toMatchObject({ code: 'config/extends' })
    await expect(loadConfig(path.join(folder, 'circle/c.yaml'))).rejects.toMatchObject({
      code: 'config/not-found',
      message: expect.stringContaining('./gone.yaml') as unknown,
    })
  })

  it('fills in what it is handed for what the config does not say, however deep', async () => {
    const defaults = { encoder: 'ours', index: 'flat', evaluate: { reporters: ['text', 'table'], ks: [7] } }
    await put('filled/lookalike.config.mjs', 'export default { encoder: undefined, evaluate: { ks: [5] } }\n')
    const at = path.join(folder, 'filled')
    const { config } = await loadConfig(at, { defaults, overrides: { 'index.threads': '2' } })
    expect(config).toMatchObject({
      encoder: { use: 'ours' },
      index: { kind: 'index', use: 'flat', options: { threads: 2 }, path: 'index' },
      evaluate: {
        ks: [5],
        reporters: [
          { use: 'text', path: 'evaluate.reporters[0]' },
          { use: 'table', path: 'evaluate.reporters[1]' },
        ],
      },
    })
    const { config: bare } = await loadConfig(at)
    expect([bare.encoder, bare.index, bare.evaluate.reporters]).toEqual([undefined, undefined, []])
    expect(defaultConfig(at, { defaults }).config.encoder).toMatchObject({ use: 'ours' })
  })

  it('takes dotted overrides, read as YAML', async () => {
    await put(
      'over/lookalike.config.yaml',
      'encoder: mini\nrerankers: [{ use: stir, topN: 5 }]\ntrain: { use: metric }\n',
    )
    const { config } = await loadConfig(path.join(folder, 'over'), {
      overrides: {
        'encoder.batchSize': '4',
        'rerankers.0.topN': '20',
        'train.epochs': '3',
        'evaluate.ks': '[1, 10]',
        seed: '9',
      },
    })
    expect(config).toMatchObject({
      seed: 9,
      encoder: { use: 'mini', options: { batchSize: 4 } },
      rerankers: [{ use: 'stir', options: { topN: 20 }, path: 'rerankers[0]' }],
      train: { use: 'metric', options: { epochs: 3 } },
      evaluate: { ks: [1, 10] },
    })
    await expect(
      loadConfig(path.join(folder, 'over'), { overrides: { 'rerankers.2.topN': '1' } }),
    ).rejects.toMatchObject({
      code: 'config/override',
      message: expect.stringContaining('rerankers has no element 2. Expected: 0 to 0') as unknown,
    })
    await expect(
      loadConfig(path.join(folder, 'over'), { overrides: { 'seed.a': '1', seed: '3' } }),
    ).resolves.toBeDefined()
    await expect(
      loadConfig(path.join(folder, 'over'), { overrides: { seed: '3', 'seed.a': '1' } }),
    ).rejects.toMatchObject({ code: 'config/override' })
  })

  it.each([
    [
      'sead: 1',
      'sead: unknown key. Expected: one of $schema, extends, name, seed, plugins, dataset, encoder, combiner, index, gallery, rerankers, train, loggers, evaluate, images, serve, cache, runs, threads, stages. Did you mean "seed"?',
    ],
    [
      'evaluate: { kss: [1] }',
      'evaluate.kss: unknown key. Expected: one of split, ks, metrics, baselines, calibration, targetRisks, reporters. Did you mean "ks"?',
    ],
    ['seed: one', 'seed: "one" (string) does not fit. Expected: an integer.'],
    ['evaluate: { ks: [1, 0] }', 'evaluate.ks[1]: 0 (number) does not fit: '],
    [
      'evaluate: { split: tests }',
      'evaluate.split: "tests" (string) does not fit. Expected: one of "train", "validation", "test". Did you mean "test"?',
    ],
    ['encoder: 5', 'encoder: 5 (number) does not fit. Expected: an encoder\'s name, or an object with it in "use".'],
    [
      'rerankers: [{ topN: 3 }]',
      'rerankers[0]: an object does not fit. Expected: a reranker\'s name, or an object with it in "use".',
    ],
    ['images: 3', 'images: 3 (number) does not fit. Expected: an object.'],
  ])('says what is wrong with %s', async (text, message) => {
    const file = await put('bad/lookalike.config.yaml', text)
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining(`${file}: ${message}`) as unknown,
    })
  })

  it('lists everything that is wrong at once', async () => {
    const file = await put('bad/lookalike.config.yaml', 'seed: x\nsplits: 1\n')
    const error = (await loadConfig(file).catch((caught: unknown) => caught)) as {
      fields: { issues: unknown[] }
      message: string
    }
    expect(error.fields.issues).toHaveLength(2)
    expect(error.message).toContain('- seed:')
    expect(error.message).toContain('- splits: unknown key')
  })

  it('tells some of many things that do not fit, and how many more there are', async () => {
    const file = await put('many.yaml', Array.from({ length: 3000 }, (_, i) => `k${i}: 1\n`).join(''))
    const error = await loadConfig(file).catch((error: Error) => error)
    expect((error as Error).message.split('\n')).toHaveLength(22)
    expect((error as Error).message).toContain('- k19: unknown key')
    expect((error as Error).message).toContain('and 2980 more')
  })

  it.each(['.', '..', 'a/b', 'a\\b', 'a\0b', 'a\nb'])(
    'refuses the name %j, which is to be a folder of its own',
    async (name) =>
      expect(loadConfig(await put('name.json', JSON.stringify({ name })))).rejects.toMatchObject({
        code: 'config/invalid',
      }),
  )

  it.each([
    ['yaml', 'a: [1'],
    ['json', '{"a": }'],
    ['ts', 'export default {{'],
    ['yaml', '- 1'],
  ])('names the file when its %s cannot be read: %s', async (extension, text) => {
    const file = await put(`unreadable/x.${extension}`, text)
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'config/unreadable',
      message: expect.stringContaining(file) as unknown,
    })
  })

  it.each([
    ['stands for a billion values', 'yaml', laughs(9), 'stands for more than 100,000 values'],
    ['stands for more values than can be counted', 'yaml', laughs(90), 'stands for more than 100,000 values'],
    ['the same in JSON-like YAML', 'yml', `{${laughs(90).trim().split('\n').join(', ')}}`, 'stands for more than'],
    ['nests too deep', 'yaml', `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'maxDepth'],
    ['nests too deep without brackets', 'yaml', `a:\n  ${'- '.repeat(10_000)}x`, 'maxDepth'],
    ['nests too deep in JSON', 'json', `{"a": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'nested too deep'],
    ['contains itself', 'yaml', 'a: &a { b: [*a] }', 'a.b[0] contains itself'],
    ['contains itself in code', 'mjs', 'const a = {}; a.a = a; export default a', 'contains itself'],
    ['merges more than any config does', 'yaml', merges(200, 200), 'merge'],
    ['repeats one alias very often', 'yaml', `a: &a x\nb: [${'*a, '.repeat(5000)}]`, 'alias'],
    ['is far too large', 'yaml', `a: ${'x'.repeat(2 ** 21)}`, 'has 2.0 MiB. Expected: a config of at most 1 MiB'],
    ['reaches for classes', 'yaml', 'encoder: { use: mini, __proto__: { a: 1 } }', 'encoder has a key "__proto__"'],
    ['reaches for classes by merging', 'yaml', 'encoder: { <<: { __proto__: { a: 1 } } }', 'has a key "__proto__"'],
    ['reaches for classes in JSON', 'json', '{"__proto__": {"a": 1}}', 'the config has a key "__proto__"'],
    [
      'reaches for constructors',
      'json',
      '{"a": {"constructor": {"prototype": {"b": 1}}}}',
      'a has a key "constructor"',
    ],
    ['is two documents', 'yaml', 'seed: 1\n---\nseed: 2\n', 'it holds 2 documents'],
  ])('refuses a config that %s', async (_, extension, text, message) => {
    const file = await put(`unfit/x.${extension}`, text)
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'config/unreadable',
      message: expect.stringContaining(message) as unknown,
    })
    expect(({} as { a?: unknown }).a).toBeUndefined()
  })

  it('takes a file that says nothing for a config of defaults', async () => {
    for (const text of ['', '# later\n', '---\n']) {
      const file = await put('nothing/lookalike.config.yaml', text)
      expect((await loadConfig(file)).config).toMatchObject({ name: 'nothing', seed: 0 })
    }
  })

  it('reads each file once, however often configs extend it', async () => {
    const last = 40
    for (let i = 0; i < last; i++) await put(`often/${i}.yaml`, `extends: [./${i + 1}.yaml, ./${i + 1}.yaml]\n`)
    await put(`often/${last}.yaml`, 'seed: 7\n')
    const { config, files } = await loadConfig(path.join(folder, 'often/0.yaml'))
    expect(config.seed).toBe(7)
    expect(files).toHaveLength(last + 1)
  })

  it('says what it looked for', async () => {
    await mkdir(path.join(folder, 'empty'), { recursive: true })
    await expect(loadConfig(path.join(folder, 'empty'))).rejects.toMatchObject({
      code: 'config/not-found',
      message: expect.stringContaining('lookalike init') as unknown,
    })
    await expect(loadConfig(path.join(folder, 'gone.yaml'))).rejects.toMatchObject({ code: 'config/not-found' })
  })
})
