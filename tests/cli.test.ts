import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { float32, type OnnxModel, saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { root, runCli, runNode, spawnCli } from './helpers/run-cli.js'

let folder = ''
const cli = (args: string[], env?: NodeJS.ProcessEnv) => runCli(args, { cwd: folder, ...(env && { env }) })
const json = (text: string) => JSON.parse(text) as never

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-cli-'))
  await makePhotos(path.join(folder, 'photos'), 4)
  await copyFile(path.join(root, 'tests/plugins/colour-grid.js'), path.join(folder, 'colour-grid.mjs'))
  await writeFile(
    path.join(folder, 'lookalike.config.yaml'),
    'name: photos\nplugins: [./colour-grid.mjs]\nencoder: { use: colour-grid, cells: 2 }\ndataset: { use: folder, path: ./photos }\nevaluate: { ks: [1, 3] }\n',
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('index and search', () => {
  it('indexes, and pays only for what changed', async () => {
    const first = await cli(['index', './photos', '--json'])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(json(first.stdout)).toMatchObject({ images: 16, added: 16, replaced: 0, unchanged: 0, skipped: 0 })
    await copyFile(path.join(folder, 'photos/red/0.png'), path.join(folder, 'photos/red/new.png'))
    await copyFile(path.join(folder, 'photos/red/1.png'), path.join(folder, 'photos/red/2.png'))
    await rm(path.join(folder, 'photos/blue/3.png'))
    const second = await cli(['index', './photos', '--prune', '--json'])
    expect(json(second.stdout)).toMatchObject({ images: 16, added: 1, replaced: 1, unchanged: 14, removed: 1 })
  })

  it('knows an image by one id from every folder, with a config and without, and through its dataset', async () => {
    const shop = path.join(folder, 'shop')
    await makePhotos(path.join(shop, 'photos'), 1)
    await copyFile(path.join(folder, 'colour-grid.mjs'), path.join(shop, 'colour-grid.mjs'))
    const own = ['--gallery', path.join(shop, 'gallery'), '--plugins=["' + path.join(shop, 'colour-grid.mjs') + '"]']
    const index = async (cwd: string, ...args: string[]) => {
      const { code, stdout, stderr } = await runCli(['index', ...args, '--json'], { cwd })
      expect(code, stderr).toBe(0)
      return json(stdout)
    }
    const encoder = ['--encoder=colour-grid', ...own]
    expect(await index(shop, './photos', ...encoder)).toMatchObject({ images: 4, added: 4 })
    expect(await index(path.join(shop, 'photos'), '.', ...encoder)).toMatchObject({ images: 4, unchanged: 4 })
    expect(await index(tmpdir(), path.join(shop, 'photos'), ...encoder)).toMatchObject({ images: 4, unchanged: 4 })
    expect((await runCli(['init'], { cwd: shop })).code).toBe(0)
    const configured = ['--encoder=colour-grid', '--plugins=["./colour-grid.mjs"]']
    expect(await index(shop, ...configured)).toMatchObject({ images: 4, added: 0, updated: 4 })
    expect(await index(tmpdir(), '--config', shop, ...configured)).toMatchObject({ images: 4, unchanged: 4 })
    expect(await index(shop, 'photos', ...configured)).toMatchObject({ images: 4, unchanged: 4 })
  })

  it('reads an image from standard input, and a part of one', async () => {
    const bytes = await readFile(path.join(folder, 'photos/green/1.png'))
    const script = (input: string) =>
      `const {spawn} = require('node:child_process'); const c = spawn(process.execPath, [${JSON.stringify(path.join(root, 'apps/cli/dist/main.js'))}, 'search', '-', '--json', '-k', '1'], {stdio: ['pipe', 'inherit', 'inherit']}); c.stdin.end(Buffer.from('${input}', 'base64'))`
    const piped = await runNode(['-e', script(bytes.toString('base64'))], { cwd: folder })
    expect(json(piped.stdout)).toMatchObject([
      { results: [{ distance: expect.closeTo(0, 5), id: 'photos/green/1.png' }] },
    ])
    const cropped = await cli(['search', 'photos/green/1.png', '--crop', '0,0,0.5,0.5', '--json', '-k', '1'])
    expect(json(cropped.stdout)).toMatchObject([{ box: { x: 0, y: 0, width: 0.5, height: 0.5 } }])
    expect(await cli(['search', 'photos/green/1.png', '--crop', '9000,0,1,2'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a part of the image') as unknown,
    })
    expect(await cli(['search', 'photos/green/1.png', '--crop', '1,2,x,4'])).toMatchObject({ code: 2 })
    expect(await cli(['search', 'photos/green/1.png', '--crop', '0.5,0,0.6,1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('shares that leave the image') as unknown,
    })
    expect(await cli(['search', 'photos/green/1.png', '--crop', '1,1,9000,2'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('[cli/crop-cut]') as unknown,
    })
    const empty = await runNode(['-e', script('')], { cwd: folder })
    expect(empty.stdout).toContain('Standard input is empty')
  })

  it('refuses a filter of a key that no image has, and works without a cache', async () => {
    const wrong = await cli(['search', 'photos/green/1.png', '--filter', 'lable=green'])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean "label"?') as unknown })
    await writeFile(path.join(folder, 'no-folder'), '')
    const uncached = await cli(['search', 'photos/green/1.png', '--cache=./no-folder', '-k', '1'])
    expect(uncached.code).toBe(0)
    expect(uncached.stderr.match(/warning/g)).toHaveLength(1)
    expect(uncached.stderr).toContain('[cache/read]')
  })

  it('finds what looks alike: as a table, as data, among some images, as a page', async () => {
    const table = await cli(['search', 'photos/green/1.png', '-k', '3', '--html', 'found.html'])
    expect(table).toMatchObject({
      code: 0,
      stderr: 'Encoder: colour-grid. The colours of a grid of cells.\n',
    })
    expect(table.stdout).toMatch(/1 +0\.0000 +green +photos\/green\/1\.png/)
    const found = json((await cli(['search', 'photos/green/1.png', '-k', '4', '--json'])).stdout) as {
      results: { id: string; distance: number; metadata: { label: string } }[]
    }[]
    expect(found[0]!.results.map(({ metadata }) => metadata.label)).toEqual(['green', 'green', 'green', 'green'])
    const filtered = json(
      (await cli(['search', 'photos/green/1.png', '--filter', 'label=blue|grey', '--json', '-k', '50', '--quiet']))
        .stdout,
    ) as typeof found
    expect(filtered[0]!.results).toHaveLength(7)
    const page = await readFile(path.join(folder, 'found.html'), 'utf8')
    expect(page.match(/<img src="data:image\/jpeg/g)).toHaveLength(4)
    expect(page).not.toMatch(/<script|src="http|href="http/)
  })

  it('says what is wrong with a query, and with a gallery of another encoder', async () => {
    expect(await cli(['search', 'photos/gone.png'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('photos/gone.png') as unknown,
    })
    await writeFile(path.join(folder, 'text.jpg'), 'not a picture')
    expect(await cli(['search', 'text.jpg'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('text.jpg') as unknown,
    })
    const other = await cli(['search', 'photos/red/0.png', '--encoder.cells=3'])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('colour-grid/2')
    expect(other.stderr).toContain('colour-grid/3')
    expect(await cli(['search', 'photos/red/0.png', '--gallery=./nowhere'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nowhere') as unknown,
    })
  })

  it('names images that cannot be read, and goes on', async () => {
    const bad = path.join(folder, 'bad')
    await mkdir(path.join(bad, 'folder.png'), { recursive: true })
    await writeFile(path.join(bad, 'empty.png'), '')
    await writeFile(path.join(bad, 'text.jpg'), 'not a picture')
    const whole = await readFile(path.join(folder, 'photos/red/0.png'))
    await writeFile(path.join(bad, 'cut.png'), whole.subarray(0, whole.length / 2))
    await writeFile(path.join(bad, 'good.png'), whole)
    const result = await cli(['index', 'bad', '--gallery=./bad.gallery', '--json'])
    expect(result.code).toBe(0)
    expect(json(result.stdout)).toMatchObject({ images: 2, added: 2, skipped: 2 })
    for (const name of ['empty.png', 'text.jpg', 'cut.png']) expect(result.stderr).toContain(name)
    expect(await cli(['index', 'bad', '--gallery=./bad2.gallery', '--images.onCorrupt=fail'])).toMatchObject({
      code: 1,
    })
  })

  it('stops at Ctrl-C with everything so far kept, and goes on later', async () => {
    await makePhotos(path.join(folder, 'many'), 100)
    const interrupted = await spawnCli(['index', 'many', '--gallery=./many.gallery', '--json', '--cache=false'], {
      cwd: folder,
      onStart: (kill) => {
        const timer = setInterval(async () => {
          const entries = await readdir(path.join(folder, 'many.gallery')).catch(() => [])
          if (entries.length === 0) return
          clearInterval(timer)
          kill('SIGINT')
        }, 5)
      },
    })
    expect([0, 130]).toContain(interrupted.code)
    if (interrupted.code === 130) expect(interrupted.stderr).toContain('Everything done so far is kept')
    const finished = await cli(['index', 'many', '--gallery=./many.gallery', '--json'])
    expect(finished.code).toBe(0)
    expect(json(finished.stdout)).toMatchObject({ images: 400 })
  })
})

describe('rerankers', () => {
  it('rerank a search, and are measured beside it', async () => {
    const found = json(
      (await cli(['search', 'photos/green/1.png', '-k', '4', '--rerankers=[k-reciprocal]', '--json', '--quiet']))
        .stdout,
    ) as { results: { distance: number; metadata: { label: string } }[] }[]
    expect(found[0]!.results.map(({ metadata }) => metadata.label)).toEqual(['green', 'green', 'green', 'green'])
    const measured = await cli([
      'evaluate',
      '--dataset={use: folder, path: ./photos, test: 1}',
      '--rerankers=[k-reciprocal]',
      '--name=reranked',
      '--json',
      '--quiet',
    ])
    expect(json(measured.stdout)).toMatchObject({
      stages: [{ name: 'search' }, { name: 'k-reciprocal', metrics: { 'recall@1': 1 } }],
    })
  })
})

describe('models', () => {
  beforeAll(async () => {
    // relu(x W) -> det(...): an operator without a gradient behind one with.
    const weights = float32([0.5, -0.25, 0.125, 1], [2, 2])
    const model = (op: string): OnnxModel => ({
      irVersion: 8,
      opset: { '': 13 },
      producer: 'test',
      metadata: {},
      functions: [],
      graph: {
        name: 'g',
        nodes: [
          { name: 'product', op: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {} },
          { name: 'last', op, domain: '', inputs: ['y'], outputs: ['z'], attributes: {} },
        ],
        inputs: [{ name: 'x', type: 'float32', shape: [2, 2] }],
        outputs: [{ name: 'z', type: 'float32', ...(op === 'Det' ? { shape: [] } : { shape: [2, 2] }) }],
        initializers: new Map([['w', weights]]),
      },
    })
    await saveModel(path.join(folder, 'trainable.onnx'), model('Tanh'))
    await saveModel(path.join(folder, 'obstacle.onnx'), model('Det'))
    await writeFile(path.join(folder, 'bad-case.json'), '{"input": 1}')
    await writeFile(path.join(folder, 'no-model.onnx'), 'not a model')
  })

  it('doctor says whether a model can be trained, and which node stands in the way', async () => {
    expect(await cli(['doctor', '--model', 'trainable.onnx'])).toMatchObject({
      stdout: expect.stringContaining('all 1 weight tensors (4 values)') as unknown,
    })
    const stopped = await cli(['doctor', '--model', 'obstacle.onnx'])
    expect(stopped.code).toBe(1)
    expect(stopped.stdout).toMatch(/node last: the operator Det has no gradient rule/)
  })

  it('doctor embeds a batch with the model, and says what evaluate would say', async () => {
    const { buildVit } = await import('@lookalike/encoders')
    await saveModel(
      path.join(folder, 'vit.onnx'),
      buildVit({ imageSize: 32, patchSize: 8, dim: 16, depth: 1, heads: 2, pooling: 'mean' }),
    )
    const fine = await cli(['doctor', '--model', 'vit.onnx'])
    expect(fine).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/opset \d+.*pixel_values.*\n.*-> 16 dimensions/) as unknown,
    })
    const none = await cli(['doctor', '--json', '--model', 'trainable.onnx'])
    expect(none.code).toBe(1)
    const { ok, findings } = json(none.stdout) as { ok: boolean; findings: { check: string; detail: string }[] }
    const evaluated = await cli(['evaluate', '--model', 'trainable.onnx', '--json'])
    expect(evaluated.code).not.toBe(0)
    expect(ok).toBe(false)
    expect(findings.find(({ check }) => check === 'model runs')!.detail).toContain('Nothing tells how images become')
  })

  it('check-gradients compares with finite differences', async () => {
    const { code, stdout } = await cli(['check-gradients', 'trainable.onnx', '--json'])
    expect(code).toBe(0)
    const { tensors } = json(stdout) as { tensors: { name: string; error: number }[] }
    expect(tensors.map(({ name }) => name).sort()).toEqual(['w', 'x'])
    for (const { error } of tensors) expect(error).toBeLessThan(1e-3)
  })

  it('check-gradients ends with 1 when a case says otherwise, and with 2 when it does not fit', async () => {
    const shape = [2, 2]
    const ones = { shape, data: [1, 1, 1, 1] }
    await writeFile(
      path.join(folder, 'wrong-case.json'),
      JSON.stringify({ input: ones, output: ones, outputGradient: ones, initializerGradients: { w: ones } }),
    )
    const wrong = await cli(['check-gradients', 'trainable.onnx', '--case', 'wrong-case.json'])
    expect(wrong).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('2 of 2 tensors differ by more than 0.001') as unknown,
    })
    expect(await cli(['check-gradients', 'trainable.onnx', '--case', 'bad-case.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('bad-case.json does not fit') as unknown,
    })
    expect(await cli(['check-gradients', 'no-model.onnx'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no-model.onnx') as unknown,
    })
  })
})

describe('evaluate and report', () => {
  it('measures, prints figures, and writes the run', async () => {
    const result = await cli(['evaluate', '--dataset={use: folder, path: ./photos, test: 1}', '--json'])
    expect(result).toMatchObject({ code: 0 })
    const found = json(result.stdout) as { stages: { metrics: Record<string, number> }[]; files: string[] }
    expect(found.stages[0]!.metrics).toMatchObject({ 'recall@1': 1 })
    expect(found.files.map((file) => path.basename(file))).toEqual([
      'config.resolved.json',
      'metrics.json',
      'report.html',
    ])
    const page = await readFile(path.join(folder, 'runs/photos/report.html'), 'utf8')
    expect(page).toContain('class="pic right"')
    expect(page).not.toMatch(/<script|src="http|href="http/)
    const resolved = json(await readFile(path.join(folder, 'runs/photos/config.resolved.json'), 'utf8'))
    expect(resolved).toMatchObject({
      config: { encoder: { use: 'colour-grid', cells: 2 }, index: { use: 'exact' } },
      plugins: { 'encoder/colour-grid': './colour-grid.mjs' },
    })
  })

  it('prints figures also where the run cannot be written', async () => {
    const args = ['evaluate', '--dataset={use: folder, path: ./photos, test: 1}', '--runs=lookalike.config.yaml/runs']
    const { code, stdout, stderr } = await cli(args)
    expect(code).toBe(1)
    expect(stdout).toContain('R@1 ')
    expect(stderr).toMatch(/config\.resolved\.json was not written: .*\[file\/write\]/)
  })

  it('compares runs', async () => {
    await cli(['evaluate', '--dataset={use: folder, path: ./photos, test: 1}', '--name=coarse', '--encoder.cells=1'])
    const result = await cli(['report'])
    expect(result.code).toBe(0)
    expect(result.stdout).toMatch(/^coarse +folder +\d+ in \d+ /m)
    expect(result.stdout).toMatch(/^R@1 of \d+ queries is uncertain by about [\d.]+ points/m)
    const page = await readFile(path.join(folder, 'runs/report.html'), 'utf8')
    expect(page).toContain('href="coarse/report.html"')
    expect(await cli(['report', 'gone'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no metrics.json') as unknown,
    })
  })
})

describe('configs and plugins', () => {
  it('init writes a config that works, and never over another', async () => {
    const fresh = path.join(folder, 'fresh')
    const made = await cli(['init', 'fresh', '--images', '../photos', '--json'])
    expect(made.code, made.stderr).toBe(0)
    expect(json(made.stdout)).toMatchObject({
      config: path.join(fresh, 'lookalike.config.yaml'),
      tried: { encoders: [{ name: 'builtin', recall: expect.any(Number) as number }, { name: 'mini' }] },
    })
    // Beside the cache, where it was needed.
    const written = (await readdir(fresh)).filter((name) => name !== '.lookalike')
    expect(written.sort()).toEqual(['lookalike.config.yaml', 'lookalike.schema.json'])
    expect(await runCli(['doctor'], { cwd: fresh })).toMatchObject({ code: 0 })
    expect(await cli(['init', 'fresh'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is there already') as unknown,
    })
  })

  it('init says why it measures nothing, and writes all the same', async () => {
    const bare = path.join(folder, 'bare')
    await mkdir(path.join(bare, 'flat'), { recursive: true })
    await mkdir(path.join(bare, 'text/a'), { recursive: true })
    await copyFile(path.join(folder, 'photos/green/1.png'), path.join(bare, 'flat/1.png'))
    await writeFile(path.join(bare, 'text/a/1.txt'), 'no image')
    const cases = [
      ['flat', 'no two that can be read have the same class', false],
      ['text', 'has no images that can be read', false],
      ['gone', 'is not there yet', true],
    ] as const
    for (const [images, words, evaluates] of cases) {
      const args = ['init', `in-${images}`, '--images', `../${images}`, '--no-plugins']
      const { code, stdout, stderr } = await runCli(args, { cwd: bare })
      expect(stdout.includes('lookalike evaluate')).toBe(evaluates)
      expect(code, stderr).toBe(0)
      expect(stdout + stderr).toContain(words)
      expect(await readdir(path.join(bare, `in-${images}`))).toContain('lookalike.config.yaml')
    }
  })

  it("lists plugins, the config's own among them, and composes their schema", async () => {
    const list = json((await cli(['plugins', 'encoder', '--json'])).stdout) as { name: string; package: string }[]
    expect(list).toContainEqual(expect.objectContaining({ name: 'colour-grid', package: './colour-grid.mjs' }))
    expect(list.map(({ name }) => name)).toContain('mini')
    expect((await cli(['plugins', 'encoder', 'colour-grid'])).stdout).toMatch(
      /cells +integer +4 +Cells along each edge/,
    )
    const schema = json((await cli(['schema'])).stdout) as { $defs: Record<string, unknown> }
    expect(schema.$defs['encoder.colour-grid']).toMatchObject({
      properties: { use: { const: 'colour-grid' }, cells: { default: 4 } },
    })
  })

  it.each([
    [['evaluate', '--evaluate.kss=[1]'], 2, /evaluate\.kss: unknown key.*Did you mean "ks"/],
    [['evaluate', '--seed=one'], 2, /seed: "one" \(string\) does not fit\. Expected: an integer/],
    [['evaluate', '--encoder=mni'], 2, /encoder: there is no encoder "mni".*Did you mean "mini"/],
    [['evaluate', '--encoder.cells=0'], 2, /encoder\.cells: 0 \(number\) does not fit: cells must be/],
    [['evaluate', '--plugins=[./gone.mjs]'], 2, /gone\.mjs was not found/],
    [['evaluate', '--config', 'nowhere.yaml'], 2, /nowhere\.yaml does not exist/],
    [['evaluate', '--jsn'], 2, /Did you mean --json/],
    [['evalute'], 2, /Did you mean "evaluate"/],
    [['search'], 2, /came without image/],
    [['train'], 2, /names no train/],
  ])('%s ends with %i and says why', async (args, code, message) => {
    const result = await cli(args)
    expect(result.code).toBe(code)
    expect(result.stderr).toMatch(message)
    expect(result.stdout).toBe('')
    expect(result.stderr).not.toContain('    at ')
  })

  it('gives errors as data under --json, and the stack under --debug', async () => {
    const result = await cli(['evaluate', '--seed=one', '--json', '--debug'])
    expect(json(result.stdout)).toMatchObject({
      error: { code: 'config/invalid', fields: { issues: [{ path: 'seed' }] } },
    })
    expect(result.stderr).toContain('    at ')
  })

  it('refuses a plugin of another spec version, by name and with the command', async () => {
    await mkdir(path.join(folder, 'node_modules/acme-loss'), { recursive: true })
    await writeFile(
      path.join(folder, 'node_modules/acme-loss/package.json'),
      '{"name": "acme-loss", "version": "3.1.0", "type": "module", "exports": "./index.js"}',
    )
    await writeFile(
      path.join(folder, 'node_modules/acme-loss/index.js'),
      "export default { specVersion: 'v2', kind: 'loss', name: 'acme' }",
    )
    const result = await cli(['evaluate', '--plugins=[acme-loss]'])
    expect(result).toMatchObject({ code: 2 })
    expect(result.stderr).toMatch(
      /"acme" of acme-loss 3\.1\.0 is built for plugin spec v2, and this is spec v1.*npm install @lookalike\/core@latest/,
    )
  })

  it('says which plugin failed, of which package, when its database is down', async () => {
    const acme = path.join(folder, 'node_modules/acme-vectors')
    await mkdir(acme, { recursive: true })
    await writeFile(
      path.join(acme, 'package.json'),
      '{"name": "acme-vectors", "version": "2.0.1", "type": "module", "exports": "./index.js"}',
    )
    await writeFile(
      path.join(acme, 'index.js'),
      `const down = async () => { throw Object.assign(new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:5432')]), { code: 'ECONNREFUSED' }) }
      const options = { '~standard': { version: 1, vendor: 'acme', validate: (value) => ({ value }), jsonSchema: { input: () => ({ type: 'object' }) } } }
      const open = async ({ dim, space }) => ({ specVersion: 'v1', name: 'acme', dim, space, size: 1, add: async () => {}, remove: async () => {}, search: down, dispose: async () => {} })
      export default { specVersion: 'v1', kind: 'index', name: 'acme', description: 'Elsewhere.', options, create: () => ({ name: 'acme', open }) }`,
    )
    const shared = ['--plugins=[./colour-grid.mjs, acme-vectors]', '--gallery=./acme-gallery', '--index=acme']
    expect(await cli(['index', './photos', ...shared])).toMatchObject({ code: 0 })
    const result = await cli(['search', './photos/red/0.png', '--json', ...shared])
    expect(json(result.stdout)).toMatchObject({
      error: {
        code: 'plugin/failed',
        message: expect.stringMatching(
          /^The index "acme" of acme-vectors 2\.0\.1 failed in "search": ECONNREFUSED: connect ECONNREFUSED 127\.0\.0\.1:5432\./,
        ) as unknown,
        fields: { kind: 'index', plugin: 'acme', package: 'acme-vectors', version: '2.0.1', during: 'search' },
      },
    })
    expect(result.code).not.toBe(0)
    expect(result.stderr).not.toContain('not foreseen')
  })

  it('shows help on stdout', async () => {
    expect(await cli(['search', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Examples') as unknown,
      stderr: '',
    })
    expect(await spawnCli(['--help'], { cwd: folder })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Commands') as unknown,
    })
  })

  it('doctor looks at everything and gives each finding a remedy', async () => {
    await writeFile(path.join(folder, 'text.jpg'), 'not a model')
    const result = await cli(['doctor', '--json', '--model', 'text.jpg'])
    expect(result.code).toBe(1)
    const { findings } = json(result.stdout) as { findings: { check: string; status: string; detail: string }[] }
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'node',
        'onnxruntime-node',
        'sharp',
        'tensorflow.js',
        'plugins',
        'config',
        'runs',
        'cache',
      ]) as unknown,
    )
    expect(findings.filter(({ status }) => status === 'fail')).toMatchObject([
      { check: 'model', detail: expect.stringContaining('text.jpg') as unknown },
    ])
  })
})
