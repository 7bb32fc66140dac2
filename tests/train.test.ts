import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { fencedBlocks } from './helpers/markdown.js'
import { root, runCli } from './helpers/run-cli.js'

/* What every trainer keeps to, through the command: a run is never replaced unasked, a provider that is not there is named. */

const NETWORK = '{ use: conv-net, imageSize: 16, widths: [8], embeddingDim: 8 }'
const FOLDERS = 'dataset: { use: folder, path: ./photos, validation: 0, test: 0 }'
const TRIPLES = 'dataset: { use: triples, file: ./photos/triples.csv, contexts: 2, validation: 0.25, test: 0 }'

/** A config of seconds for each trainer. */
const TRAINERS: Readonly<Record<string, string>> = {
  'metric-learning': `${FOLDERS}
encoder: ${NETWORK}
train: { use: metric-learning, loss: triplet, sampler: { use: balanced, labels: 2, instances: 2 }, epochs: 1, validation: 0 }`,
  head: `${FOLDERS}
encoder: mini
train: { use: head, loss: triplet, sampler: { use: balanced, labels: 2, instances: 2 }, epochs: 1, validation: 0 }`,
  'context-ensemble': `${TRIPLES}
encoder: mini
train: { use: context-ensemble, member: { use: head }, components: 2, batchSize: 2 }`,
  'cross-model': `${FOLDERS}
encoder: mini
train: { use: cross-model, query: ${NETWORK}, members: [{ name: heavy, encoder: mini }], transform: { kind: linear } }`,
  stir: `${FOLDERS}
encoder: { use: vit, imageSize: 16, patchSize: 8, dim: 8, depth: 2, heads: 1 }
train: { use: stir, fusion: 1, pairs: batch, labels: 2, instances: 2, epochs: 1, headEpochs: 0, validation: 0 }`,
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-train-'))
  await makePhotos(path.join(folder, 'photos'), 4)
  const colours = ['red', 'green', 'blue', 'grey']
  const rows = colours.flatMap((colour, c) =>
    Array.from({ length: 4 }, (_, i) => {
      const other = colours[(c + 1 + (i % 3)) % 4]!
      return `${colour}/${i}.png,${colour}/${(i + 1) % 4}.png,${other}/${i}.png,a`
    }),
  )
  await writeFile(path.join(folder, 'photos/triples.csv'), ['reference,a,b,closer', ...rows, ''].join('\n'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder with the config of a trainer and the pictures. */
async function projectOf(trainer: string): Promise<(...args: string[]) => ReturnType<typeof runCli>> {
  const cwd = path.join(folder, trainer)
  await cp(path.join(folder, 'photos'), path.join(cwd, 'photos'), { recursive: true })
  await writeFile(path.join(cwd, 'lookalike.config.yaml'), `name: small\n${TRAINERS[trainer]}\n`)
  return (...args) => runCli(args, { cwd })
}

/** Every file of a run, with its content. */
async function filesOf(run: string): Promise<Record<string, string>> {
  const entries = (await readdir(run, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const files = entries.map((entry) => path.join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(file, 'base64')])))
}

describe.each(Object.keys(TRAINERS))('%s', (trainer) => {
  it('a finished run is neither replaced nor changed by a second train; a provider that is not there is named', async () => {
    const cli = await projectOf(trainer)
    const provider = process.platform === 'darwin' ? 'dml' : 'coreml'
    const refused = await cli('train', '--name=elsewhere', `--train.providers=[${provider}]`)
    expect(refused.stderr).toContain(`The execution provider ${provider} is not available on this machine`)
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('[onnx/provider]') as unknown })

    const first = await cli('train')
    expect(first, first.stderr).toMatchObject({ code: 0 })
    const run = path.join(folder, trainer, 'runs/small')
    const before = await filesOf(run)
    expect(JSON.parse(await readFile(path.join(run, 'run.json'), 'utf8'))).toMatchObject({ state: 'finished' })

    const second = await cli('train')
    expect(second).toMatchObject({ code: 1, stdout: '' })
    expect(second.stderr).toContain('[train/run-exists]')
    expect(second.stderr).toContain('--resume')
    expect(await filesOf(run)).toEqual(before)
  })
})

it("the built-in encoder's last layers are trained as docs/training.md says, and nothing before them", async () => {
  const page = await readFile(path.join(root, 'docs/training.md'), 'utf8')
  const config = fencedBlocks(page).find(({ code }) => code.includes('freeze: [stem.*, blocks.*]'))!.code
  const cwd = path.join(folder, 'last-layers')
  await cp(path.join(folder, 'photos'), path.join(cwd, 'photos'), { recursive: true })
  await writeFile(path.join(cwd, 'lookalike.config.yaml'), `name: last\n${config}`)
  const { code, stderr } = await runCli(
    ['train', '--dataset.test=0', '--train.validation=0', '--train.epochs=1', '--train.keep=last'],
    { cwd },
  )
  expect(code, stderr).toBe(0)
  const weights = async (file: string) => (await loadModel(file)).graph.initializers
  const before = await weights(path.join(root, 'packages/encoders/assets/builtin.onnx'))
  const after = await weights(path.join(cwd, 'runs/last/model.onnx'))
  for (const name of ['stem.weight', 'blocks.15.project.bias'])
    expect(after.get(name)!.data, name).toEqual(before.get(name)!.data)
  expect(after.get('embed.bias')!.data).not.toEqual(before.get('embed.bias')!.data)
}, 120_000)
