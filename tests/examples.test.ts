import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRandom, createRegistry } from '@lookalike/core'
import { encodePng } from '@lookalike/image'
import { loadConfig, loadPlugins, resolveConfig } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { root, runCli, spawnCli } from './helpers/run-cli.js'

const examples = path.join(root, 'examples')
const configs = (await readdir(examples, { recursive: true }))
  .filter(
    (file) =>
      /(^|[/\\])[^/\\]*lookalike\.config\.(ts|js|mjs|yaml|json)$/.test(file) && !/node_modules|runs[/\\]/.test(file),
  )
  .sort()

/** Examples that are done in seconds; the others train. */
const QUICK = ['emoji/lookalike.config.yaml']

/** Examples that are one training. */
const TRAINING = ['head-only', 'proxy-anchor', 'vit-triplet'].map((name) => `${name}/lookalike.config.yaml`)

/** Examples that are two trainings of encoders, one after the other. */
const TWICE = ['mini', 'soft-orthogonal-proxies'].map((name) => `${name}/lookalike.config.yaml`)

/** Those on public sets are run by papers.test.ts, in miniature. */
const PAPERS = configs.filter((file) => file.startsWith('papers'))

/** Whole folders with a test of their own; below. */
const STAGED = configs.filter((file) =>
  ['asymmetric', 'builtin', 'context-ensemble', 'stir', 'whole-system'].includes(path.dirname(file)),
)

/** Some fifty drawings of each part. */
const FEW_DRAWINGS = [
  '--dataset.training.classes=[0, 0.02]',
  '--dataset.validation=0.01',
  '--dataset.splits=[train, validation]',
]

/** One example trains on what its config names, which is the same for all; the others on pictures that are read at once. */
const smallData = (file: string) =>
  file.startsWith('head-only') ? FEW_DRAWINGS : [`--dataset={use: folder, path: ${photos}, validation: 0.2, test: 0}`]

/** Two small batches. */
const SMALL = ['--train.steps=2', '--train.logEvery=1', '--train.sampler={use: balanced, labels: 4, instances: 2}']

/** Images are loaded between the steps: threads for them take longer to start than two steps do. */
const NO_WORKERS = '--train.workers=0'

/** Thirty classes of four small pictures: four coloured corners each, with noise. */
async function writePictures(folder: string): Promise<void> {
  const random = createRandom(5)
  for (let label = 0; label < 30; label++) {
    const colours = Array.from({ length: 12 }, () => random.integer(200))
    await mkdir(path.join(folder, `class-${label}`), { recursive: true })
    for (let i = 0; i < 4; i++) {
      const data = Uint8Array.from(
        { length: 16 * 16 * 3 },
        (_, at) => colours[(Math.floor(at / 384) * 2 + (Math.floor(at / 24) % 2)) * 3 + (at % 3)]! + random.integer(56),
      )
      await writeFile(path.join(folder, `class-${label}`, `${i}.png`), await encodePng({ data, width: 16, height: 16 }))
    }
  }
}

/** Of a run's log, the lines of its training steps. */
async function stepsOf(run: string): Promise<Record<string, unknown>[]> {
  const log = (await readFile(path.join(run, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return log.filter(({ loss }) => typeof loss === 'number')
}

/** Pictures for all examples; each copies what it changes. */
let photos = ''
beforeAll(async () => {
  photos = await mkdtemp(path.join(tmpdir(), 'lookalike-photos-'))
  await writePictures(photos)
})
afterAll(() => rm(photos, { recursive: true, force: true }))

describe('every shipped config', () => {
  it('is run by a test', () => {
    expect(configs).toEqual([...QUICK, ...TRAINING, ...TWICE, ...STAGED, ...PAPERS].sort())
  })

  it.each(configs)('%s names only what is there', async (file) => {
    const { config, folder } = await loadConfig(path.join(examples, file))
    const registry = createRegistry([
      ...(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli'))),
      ...(await loadPlugins(config.plugins, folder)),
    ])
    await expect(resolveConfig(config, registry, file)).resolves.toBeDefined()
  })

  it.each(QUICK)('%s runs', async (file) => {
    const { code, stdout, stderr } = await runCli(
      [
        'evaluate',
        '--config',
        path.join(examples, file),
        '--name=test',
        '--dataset.validation=0.1',
        '--dataset.splits=[validation]',
        '--evaluate.split=validation',
        '--json',
        '--quiet',
      ],
      { cwd: root },
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const result = JSON.parse(stdout) as { queries: number; stages: { metrics: Record<string, number> }[] }
    expect(result.queries).toBe(559)
    expect(result.stages[0]!.metrics['recall@8']).toBeGreaterThan(result.stages[0]!.metrics['recall@1']!)
  })

  it.each(TRAINING)('%s trains, small', async (file) => {
    const runs = await mkdtemp(path.join(tmpdir(), 'lookalike-examples-'))
    try {
      const { code, stdout, stderr } = await runCli(
        [
          'train',
          '--config',
          path.join(examples, file),
          `--runs=${runs}`,
          '--name=small',
          ...smallData(file),
          ...SMALL,
          // A head on embeddings that are there loads no images.
          ...(file.startsWith('head-only') ? [] : [NO_WORKERS]),
          '--json',
          '--quiet',
        ],
        { cwd: root },
      )
      // Two steps may well gain nothing.
      expect(stderr.replace(/^warning: .*\[train\/nothing-gained\]\n/m, '')).toBe('')
      expect(code).toBe(0)
      const { metrics } = JSON.parse(stdout) as { metrics: Record<string, number> }
      expect(metrics).toMatchObject({ steps: 2, 'validation recall@1': expect.any(Number) as number })
      const steps = await stepsOf(path.join(runs, 'small'))
      expect(steps.map(({ step }) => step)).toEqual([1, 2])
    } finally {
      await rm(runs, { recursive: true, force: true })
    }
  })

  it.each(TWICE)('%s trains in stages, small', async (file) => {
    const runs = await mkdtemp(path.join(tmpdir(), 'lookalike-examples-'))
    try {
      const { code, stdout, stderr } = await runCli(
        [
          'train',
          '--config',
          path.join(examples, file),
          ...smallData(file),
          ...SMALL,
          NO_WORKERS,
          '--evaluate.split=validation',
          `--runs=${runs}`,
          '--name=small',
          '--json',
          '--quiet',
        ],
        { cwd: root },
      )
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const { stages, evaluation } = JSON.parse(stdout) as {
        stages: { name: string; folder: string }[]
        evaluation: { stages: { metrics: Record<string, number> }[] }
      }
      expect(stages).toHaveLength(2)
      for (const { name, folder } of stages) {
        expect(folder).toBe(path.join(runs, 'small', name))
        expect((await stepsOf(folder)).map(({ step }) => step)).toEqual([1, 2])
      }
      expect(evaluation.stages[0]!.metrics['recall@1']).toBeGreaterThan(0)
      if (!file.startsWith('soft')) return
      const [step] = await stepsOf(stages[1]!.folder)
      expect(step).toMatchObject({
        'proxy-anchor': expect.any(Number) as number,
        'soft-orthogonality': expect.any(Number) as number,
      })
      expect(step!['soft-orthogonality/largest-cosine']).toBeGreaterThan(0)
    } finally {
      await rm(runs, { recursive: true, force: true })
    }
  })
})

describe('the example of the built-in encoder', () => {
  it('trains on from the shipped weights, with a teacher, small', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-examples-'))
    try {
      const { code, stderr } = await runCli(
        [
          'train',
          '--config',
          path.join(examples, 'builtin'),
          `--dataset.path=${photos}`,
          NO_WORKERS,
          '--train.teacher.encoder=mini',
          '--train.steps=2',
          '--train.logEvery=1',
          '--train.sampler={use: balanced, labels: 4, instances: 2}',
          `--runs=${folder}`,
          `--cache=${path.join(folder, 'cache')}`,
          '--quiet',
        ],
        { cwd: root },
      )
      expect(code, stderr).toBe(0)
      const steps = await stepsOf(path.join(folder, 'builtin'))
      expect(steps).toHaveLength(2)
      for (const step of steps) {
        expect(step['distillation']).toBeGreaterThan(0)
        expect(step['loss']).toBeGreaterThan(step['distillation'] as number)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('the example of a context ensemble', () => {
  it('trains, small, and is measured from its folder and from its one file', async () => {
    const runs = await mkdtemp(path.join(tmpdir(), 'lookalike-examples-'))
    try {
      const small = [
        '--config',
        path.join(examples, 'context-ensemble'),
        '--dataset={use: emoji-triples, contexts: 2, triplesPerContext: 60, validationReferences: 6, testReferences: 6, triplesPerReference: 3}',
        `--runs=${runs}`,
        '--name=small',
        '--json',
        '--quiet',
      ]
      interface Evaluation {
        stages: { metrics: Record<string, number> }[]
      }
      const trained = await runCli(['train', ...small], { cwd: root })
      expect(trained.code, trained.stderr).toBe(0)
      const { stages, evaluation } = JSON.parse(trained.stdout) as {
        stages: { metrics: Record<string, number> }[]
        evaluation: Evaluation
      }
      expect(Object.keys(stages[0]!.metrics).filter((name) => name.startsWith('local-accuracy/'))).toHaveLength(2)
      const measured = await runCli(
        [
          'evaluate',
          ...small,
          `--combiner={use: context-ensemble, model: ${path.join(runs, 'small/ensemble/ensemble.onnx')}}`,
        ],
        { cwd: root },
      )
      expect(measured.code, measured.stderr).toBe(0)
      expect(evaluation.stages[0]!.metrics).toEqual({ 'triplet-accuracy': expect.any(Number) as number })
      expect((JSON.parse(measured.stdout) as Evaluation).stages[0]!.metrics).toEqual(evaluation.stages[0]!.metrics)
    } finally {
      await rm(runs, { recursive: true, force: true })
    }
  })
})

describe('the example of reranking', () => {
  it('trains both stages and measures before and after, with one command, and goes on where it was', async () => {
    // As deep as the example, so that what it refers to is there.
    const folder = await mkdtemp(path.join(root, 'tests/.stir-'))
    try {
      await cp(path.join(examples, 'stir'), folder, { recursive: true, filter: (file) => !file.endsWith('runs') })
      const overrides = [
        `--dataset={use: folder, path: ${photos}, validation: 0.1, test: 0.2}`,
        '--train.epochs=1',
        '--stages.encoder.train.sampler.labels=8',
        '--stages.encoder.train.workers=0',
        '--stages.pair.train.labels=8',
        '--cache=./cache',
        '--threads=1',
        '--quiet',
      ]
      const run = (...more: string[]) => runCli(['train', ...overrides, ...more], { cwd: folder })
      const killed = await spawnCli(['train', ...overrides], {
        cwd: folder,
        onStart: (kill) => {
          const timer = setInterval(() => {
            if (!existsSync(path.join(folder, 'runs/stir/pair/run.json'))) return
            clearInterval(timer)
            kill('SIGKILL')
          }, 5)
        },
      })
      expect(killed.code, killed.stderr).toBe(137)
      const refused = await run()
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('"encoder" (finished), the stage "pair" (running)')
      const encoder = path.join(folder, 'runs/stir/encoder/model.onnx')
      const { mtimeMs } = await stat(encoder)
      const first = await run('--resume')
      expect(first.code, first.stderr).toBe(0)
      expect((await stat(encoder)).mtimeMs).toBe(mtimeMs)
      expect(first.stdout).toMatch(/metric, % +search +stir/)
      expect(first.stdout).toContain('stage encoder')
      for (const file of ['encoder/model.onnx', 'pair/pair.onnx', 'report.html'])
        await expect(stat(path.join(folder, 'runs/stir', file)), file).resolves.toBeDefined()
      const models = () =>
        Promise.all(
          ['encoder/model.onnx', 'pair/pair.onnx'].map(
            async (file) => (await stat(path.join(folder, 'runs/stir', file))).mtimeMs,
          ),
        )
      const written = await models()
      const again = await run('--resume')
      expect(again.code, again.stderr).toBe(0)
      expect(await models()).toEqual(written)
      const figures = ({ stdout }: { stdout: string }) =>
        stdout.split('\n').filter((line) => line.includes('R@') || line.includes('MAP'))
      expect(figures(again)).toEqual(figures(first))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('the example of all four methods', () => {
  it('trains all stages with one command, and one report shows what each adds', async () => {
    // As deep as the example, so that what it refers to is there.
    const folder = await mkdtemp(path.join(root, 'tests/.whole-system-'))
    try {
      const filter = (file: string) => !file.endsWith('runs')
      await cp(path.join(examples, 'whole-system'), folder, { recursive: true, filter })
      const triples =
        '{use: emoji-triples, contexts: 2, triplesPerContext: 60, validationReferences: 6, testReferences: 0, triplesPerReference: 3}'
      const { code, stdout, stderr } = await runCli(
        [
          'train',
          `--dataset={use: folder, path: ${photos}, validation: 0.1, test: 0.2}`,
          `--stages.contexts.dataset=${triples}`,
          ...['light', 'first-start', 'first', 'last-start', 'last', 'styles'].flatMap((stage) => [
            `--stages.${stage}.train.steps=1`,
            `--stages.${stage}.train.sampler.labels=8`,
            `--stages.${stage}.train.workers=0`,
          ]),
          '--stages.first.train.logEvery=1',
          '--stages.gallery.train.transform={kind: procrustes}',
          '--stages.gallery.train.useLabels=false',
          '--stages.pair.train.epochs=1',
          '--stages.pair.train.labels=8',
          '--stages.pair.train.grid=1',
          '--rerankers.0.topN=3',
          '--cache=./cache',
          '--threads=1',
          '--quiet',
        ],
        { cwd: folder },
      )
      expect(code, stderr).toBe(0)
      // Each stage alone, the ensemble of the gallery, and what reranks it.
      for (const row of ['stage light', 'stage first', 'stage last', 'stage contexts', 'cross-model', 'then stir'])
        expect(stdout).toMatch(new RegExp(`^${row} +\\d`, 'm'))
      expect(stdout).toMatch(
        /Rejecting the 10 % of the gallery that is least sure: [\d.]+ % of the first results wrong/,
      )
      const runs = path.join(folder, 'runs/whole-system')
      expect((await stepsOf(path.join(runs, 'first')))[0]!['soft-orthogonality/lambda']).toBeGreaterThan(0)
      // The ensemble of contexts is a gallery model, as one encoder.
      expect(JSON.parse(await readFile(path.join(runs, 'gallery/cross-model.json'), 'utf8'))).toMatchObject({
        members: [{ name: 'contexts', encoder: { use: 'context-ensemble' } }, { name: 'last' }, { name: 'styles' }],
      })
      const report = await readFile(path.join(runs, 'report.html'), 'utf8')
      for (const part of ['stage contexts', 'then stir', 'Rejecting gallery images', 'target: wrong first results'])
        expect(report).toContain(part)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('the example of asymmetric search', () => {
  it('trains all models, measures the ensemble beside its baselines, indexes, rejects, takes back and upgrades', async () => {
    const folder = await mkdtemp(path.join(root, 'tests/.asymmetric-'))
    try {
      await cp(path.join(examples, 'asymmetric'), folder, { recursive: true, filter: (file) => !file.endsWith('runs') })
      await cp(photos, path.join(folder, 'photos'), { recursive: true })
      const overrides = [
        '--dataset={use: folder, path: ./photos, validation: 0.1, test: 0.2}',
        '--cache=./cache',
        '--threads=1',
        '--quiet',
      ]
      const short = ['light', 'first', 'last', 'styles', 'distilled'].flatMap((name) => [
        `--stages.${name}.train.steps=1`,
        `--stages.${name}.train.sampler.labels=8`,
        `--stages.${name}.train.workers=0`,
      ])
      const first = await runCli(['train', ...overrides, ...short], { cwd: folder })
      expect(first.code, first.stderr).toBe(0)
      for (const row of [
        'stage light',
        'stage distilled',
        'cross-model',
        'weighting: agreement',
        'similarity: likelihood',
        'query model on both sides, likelihood',
        'distilled query model on both sides',
        'first alone, transformed',
        'last on both sides',
        'weighted average of',
        'concatenation of',
      ]) {
        expect(first.stdout).toContain(row)
      }
      const report = await readFile(path.join(folder, 'runs/asymmetric/report.html'), 'utf8')
      for (const part of ['Against baselines', 'Rejecting gallery images', 'AURC', 'Least certain gallery images'])
        expect(report).toContain(part)

      const command = async (...args: string[]) => {
        const { code, stdout, stderr } = await runCli([...args, ...overrides, '--json'], { cwd: folder })
        expect(code, stderr).toBe(0)
        return JSON.parse(stdout) as {
          images: number
          rejected: string[]
          restored: string[]
          nowRejected: { id: string }[]
          changed: boolean
        }
      }
      const { images } = await command('index', 'photos', '--gallery=./kept')
      const rejected = await command('reject', '--coverage', '0.9', '--gallery=./kept')
      expect(rejected.rejected).toHaveLength(images - Math.round(0.9 * images))
      expect((await command('reject', '--gallery=./kept')).nowRejected.map(({ id }) => id).sort()).toEqual(
        [...rejected.rejected].sort(),
      )
      expect((await command('reject', '--coverage', '1', '--gallery=./kept')).restored).toHaveLength(
        rejected.rejected.length,
      )

      // Other transforms: the gallery is made anew from what it keeps, and is what indexing gives.
      const other = '--stages.transforms.train.transform={kind: procrustes}'
      const runs = path.join(folder, 'runs')
      await cp(path.join(runs, 'asymmetric'), path.join(runs, 'other'), { recursive: true })
      await rm(path.join(runs, 'other/transforms'), { recursive: true })
      const teacher = '--stages.distilled.train.teacher.encoder.model=./runs/asymmetric/first/model.onnx'
      await command('train', '--name=other', other, teacher, ...short, '--resume')
      expect((await command('upgrade', '--gallery=./kept', '--combiner.folder=./runs/other/transforms')).changed).toBe(
        true,
      )
      await command('index', 'photos', '--gallery=./fresh', '--combiner.folder=./runs/other/transforms')
      const found = async (gallery: string) =>
        command('search', 'photos/class-3/1.png', `--gallery=${gallery}`, '--combiner.folder=./runs/other/transforms')
      expect(JSON.parse(JSON.stringify(await found('./kept')).replaceAll('kept', 'fresh'))).toEqual(
        await found('./fresh'),
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
