import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildConvNet } from '@lookalike/encoders'
import { saveModel } from '@lookalike/onnx'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { run } from '../apps/cli/src/run.js'
import { makePhotos } from './helpers/make-photos.js'

/* `lookalike export` of a cross-model run: the light model goes to the page, what its small weights cost is measured in the gallery of the others. */

let folder = ''
let config = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-export-'))
  await makePhotos(path.join(folder, 'photos'), 10)
  for (const [seed, name] of ['light', 'first', 'second'].entries())
    await saveModel(
      path.join(folder, `${name}.onnx`),
      buildConvNet({ imageSize: 16, widths: [12], embeddingDim: 16 + 4 * seed, seed }),
    )
  const onnx = (name: string) => `{ use: onnx, name: ${name}, model: ./${name}.onnx }`
  const dataset = 'dataset: { use: folder, path: ./photos, splitBy: images, validation: 0.4, test: 0 }'
  const members = ['first', 'second'].map((name) => `    - { name: ${name}, encoder: ${onnx(name)} }`).join('\n')
  await writeFile(
    path.join(folder, 'train.yaml'),
    `name: cross\n${dataset}\ntrain:\n  use: cross-model\n  query: ${onnx('light')}\n  transform: { kind: linear }\n  members:\n${members}\n`,
  )
  config = path.join(folder, 'search.yaml')
  await writeFile(config, `name: search\n${dataset}\ncombiner: { use: cross-model, folder: ./runs/cross }\n`)
  await call('train', '--config', path.join(folder, 'train.yaml'))
  await call('index', '--config', config)
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** In this process; what it prints as JSON. */
async function call(...args: string[]) {
  let printed = ''
  let said = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said += String(text)), true))
  try {
    const code = await run([...args, '--json'])
    if (code !== 0) throw new Error(`lookalike ${args.join(' ')} ended with ${code}: ${said}`)
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
  return JSON.parse(printed) as Record<string, unknown>
}
const number: unknown = expect.any(Number)

it('for browsers, with its gallery and 8-bit weights', async () => {
  const to = path.join(folder, 'page')
  const result = await call('export', 'model', to, '--config', config, '--for', 'browser', '--with-gallery', '--int8')
  expect(result).toMatchObject({ name: 'light', dim: 16, 'recall@1': { before: number, after: number, loss: number } })
  const { before, after, loss } = result['recall@1'] as Record<'before' | 'after' | 'loss', number>
  expect(loss).toBe(before - after)
  // Measured in the gallery of the others: as the config's own evaluation finds it.
  const evaluated = await call('evaluate', '--config', config, '--evaluate.split=validation', '--evaluate.ks=[1]')
  const { stages } = evaluated as { stages: { metrics: Record<string, number> }[] }
  expect(before).toBe(stages[0]!.metrics['recall@1'])
  expect(result['cosine']).toBeGreaterThan(0.999)
  const manifest = JSON.parse(await readFile(path.join(to, 'manifest.json'), 'utf8')) as {
    space: string
    gallery: { count: number }
  }
  // Vectors are of the gallery's space, not of the light model's own.
  expect(manifest.space).toMatch(/^cross-model\(light, first\+second\)@/)
  expect(manifest.gallery.count).toBe(result['images'])
  expect(manifest.gallery.count).toBeGreaterThan(10)
}, 300_000)

it('for others, with 8-bit weights beside the full ones', async () => {
  const to = path.join(folder, 'plain')
  const result = await call('export', 'model', to, '--config', config, '--int8')
  const figures = { before: number, after: number, loss: number }
  expect(result).toMatchObject({ name: 'light', dim: 16, 'recall@1': { split: 'validation', ...figures } })
  expect(result['files']).toEqual(expect.arrayContaining(['onnx/model.onnx', 'onnx/model_quantized.onnx']))
  const size = async (name: string) => (await readFile(path.join(to, 'onnx', name))).length
  expect(await size('model_quantized.onnx')).toBeLessThan(0.6 * (await size('model.onnx')))
}, 300_000)

it('measures 8-bit weights on what there is, or says that there is nothing', async () => {
  const all = (split: string) => [`--dataset.${split}=1`, `--dataset.${split === 'test' ? 'validation' : 'test'}=0`]
  const measured = await call(
    'export',
    'model',
    path.join(folder, 'on-test'),
    '--config',
    config,
    '--int8',
    ...all('test'),
  )
  expect(measured['recall@1']).toMatchObject({ split: 'test', before: number })
  const nowhere = ['--dataset.test=0', '--dataset.validation=0']
  const unmeasured = await call(
    'export',
    'model',
    path.join(folder, 'unmeasured'),
    '--config',
    config,
    '--int8',
    ...nowhere,
  )
  expect(unmeasured['recall@1']).toBeUndefined()
  expect(unmeasured['files']).toContain('onnx/model_quantized.onnx')
}, 300_000)
