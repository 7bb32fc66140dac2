import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Dataset,
  type Encoder,
  type Logger,
  LookalikeError,
  type Trainer,
  type TrainerRequest,
  type Warning,
} from '@lookalike/core'
import { loadAll } from 'js-yaml'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRunFile } from './run-file.js'
import { type RunTrainerOptions, runTrainer } from './run-trainer.js'

let root: string
let folder: string
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'run-'))
  folder = path.join(root, 'runs', 'shop')
})
afterEach(() => rm(root, { recursive: true }))

const dataset = (change = 0): Dataset => ({
  specVersion: 'v1',
  name: 'd',
  items: [0, 1].map((i) => ({
    id: `${i}`,
    source: { data: Uint8Array.of(i, change, 0), width: 1, height: 1 },
    label: 'l',
    split: 'train',
    isQuery: true,
    isGallery: true,
  })),
})
const encoder: Encoder = {
  specVersion: 'v1',
  name: 'mini',
  dim: 1,
  space: 'mini@1',
  input: { kind: 'bytes' },
  batchSize: 1,
  encode: () => Promise.reject(new Error('not used')),
  dispose: async () => undefined,
}
const finished = { artefact: 'model.bin', metrics: { loss: 0.5 }, stopped: 'finished' } as const
const trainer = (train: (request: TrainerRequest) => Promise<unknown>, change: Partial<Trainer> = {}): Trainer => ({
  specVersion: 'v1',
  name: 'toy',
  ...change,
  async train(request) {
    return ((await train(request)) ?? finished) as typeof finished
  },
})
const run = (
  train: Parameters<typeof trainer>[0],
  options: Partial<RunTrainerOptions> = {},
  change?: Partial<Trainer>,
) => runTrainer(trainer(train, change), { dataset: dataset(), encoder, folder, seed: 4, ...options })
const text = (name: string) => readFile(path.join(folder, name), 'utf8')

describe('runTrainer', () => {
  it('writes run.json first, and in it how the run ended, with what', async () => {
    let during: unknown
    const options = { origin: { package: '@x/toy', version: '1.2.3' }, versions: { 'trainer/toy': '@x/toy 1.2.3' } }
    const result = await run(async ({ run: own }) => {
      during = await readRunFile(folder)
      await own.write('model.bin', Uint8Array.of(1))
      await own.artefact('model', 'model.bin')
    }, options)
    expect(result).toEqual(finished)
    expect(during).toMatchObject({
      state: 'running',
      seed: 4,
      trainer: { name: 'toy', version: '1.2.3' },
      artefacts: {},
    })
    expect(await readRunFile(folder)).toMatchObject({
      state: 'finished',
      artefact: 'model.bin',
      artefacts: { model: 'model.bin' },
      metrics: { loss: 0.5 },
      encoder: { name: 'mini', space: 'mini@1' },
      data: { dataset: 'd', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      versions: { node: process.versions.node, 'trainer/toy': '@x/toy 1.2.3' },
    })
  })

  it('notes a run that failed, and one that was stopped', async () => {
    const fail = () => Promise.reject(new LookalikeError('toy/broken', { problem: 'It broke' }))
    await expect(run(fail)).rejects.toMatchObject({ code: 'toy/broken' })
    expect(await readRunFile(folder)).toMatchObject({
      state: 'failed',
      error: { code: 'toy/broken', message: 'It broke.' },
    })
    const stop = new AbortController()
    await expect(
      run(
        ({ signal }) => {
          stop.abort()
          return Promise.reject(signal!.reason as Error)
        },
        { resume: true, signal: stop.signal },
      ),
    ).rejects.toMatchObject({ name: 'AbortError' })
    const after = (await readRunFile(folder))!
    expect(after).toMatchObject({ state: 'aborted' })
    expect(after.error).toBeUndefined()
  })

  it('never replaces a run unasked, whatever it left and however it ended', async () => {
    await run(({ run: own }) => own.write('ensemble.json', '{}'))
    await expect(run(async () => undefined)).rejects.toMatchObject({
      code: 'train/run-exists',
      fields: { folder, trainer: 'toy', state: 'finished' },
    })
    expect(await text('ensemble.json')).toBe('{}')
    await expect(run(async () => undefined, { resume: true, overwrite: true })).rejects.toMatchObject({
      code: 'train/resume-or-overwrite',
    })
    await run(async () => undefined, { overwrite: true })
    expect((await readdir(folder)).sort()).toEqual(['README.md', 'run.json'])
    await writeFile(path.join(folder, 'run.json'), '{"format":')
    for (const options of [{}, { resume: true }])
      await expect(run(async () => undefined, options)).rejects.toMatchObject({ code: 'train/run-damaged' })
    await run(async () => undefined, { overwrite: true })
  })

  it('leaves what is no run in the folder', async () => {
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'metrics.json'), '{}')
    await run(async () => undefined, { overwrite: true })
    expect((await readdir(folder)).sort()).toEqual(['README.md', 'metrics.json', 'run.json'])
  })

  it('goes on only as it was started, and names what differs', async () => {
    const settings = { epochs: 3, optimizer: { learningRate: 0.1, clip: undefined }, loss: 'a' }
    const own = { settings }
    await run(async () => undefined, {}, own)
    const before = await text('run.json')
    const on = (options: Partial<RunTrainerOptions>, change: Partial<Trainer> = own) =>
      run(async () => undefined, { resume: true, ...options }, change)
    await expect(
      on({ seed: 5 }, { name: 'other', settings: { ...settings, optimizer: { learningRate: 0.2 }, batch: 8 } }),
    ).rejects.toMatchObject({
      code: 'train/run-differs',
      fields: { different: ['seed', 'train.batch', 'train.optimizer.learningRate', 'trainer'] },
      message: expect.stringContaining(
        'train.batch was not set and is 8; train.optimizer.learningRate was 0.1 and is 0.2; trainer was "toy" and is "other"',
      ) as unknown,
    })
    await expect(on({ encoder: { ...encoder, space: 'mini@2' } })).rejects.toMatchObject({
      fields: { different: ['encoder'] },
    })
    expect(await text('run.json')).toBe(before)
    await expect(on({ dataset: dataset(1) })).rejects.toMatchObject({ fields: { different: ['data.hash'] } })
    expect((await readRunFile(folder))!.data).toEqual((JSON.parse(before) as { data: unknown }).data)
    await on({ dataset: dataset() })
  })

  it('compares what the config says where the trainer does not say what counts', async () => {
    await run(async () => undefined, { settings: { epochs: 1 } })
    await expect(run(async () => undefined, { settings: { epochs: 2 }, resume: true })).rejects.toMatchObject({
      fields: { different: ['train.epochs'] },
    })
  })

  it('tells the trainer whether there is something to go on from, and warns of another version', async () => {
    const seen: boolean[] = []
    const note = async ({ run: own }: TrainerRequest) => void seen.push(own.resumed, own.part('head').resumed)
    const version = (of: string) => ({ package: '@x/toy', version: of })
    await run(note, { resume: true, origin: version('1.0.0') })
    const warnings: Warning[] = []
    await run(note, { resume: true, origin: version('1.1.0'), onWarning: (warning) => warnings.push(warning) })
    expect(seen).toEqual([false, false, true, true])
    expect(warnings).toMatchObject([{ code: 'train/version-changed', fields: { was: '1.0.0', is: '1.1.0' } }])
  })
})

describe('a run', () => {
  it('has a log whose parts are rewound by themselves, and forgets a torn line', async () => {
    const entries = async () =>
      (await text('log.jsonl'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    await run(async ({ run: own }) => {
      const head = own.part('head')
      for (const step of [1, 2, 3]) {
        await own.log.write({ step })
        await head.log.write({ step })
      }
      await head.log.write({ event: 'end' })
      await head.log.rewind(1)
    })
    expect(await entries()).toEqual([
      { step: 1 },
      { part: 'head', step: 1 },
      { step: 2 },
      { step: 3 },
      { part: 'head', event: 'end' },
    ])
    await writeFile(path.join(folder, 'log.jsonl'), `${await text('log.jsonl')}{"step":4,"lo`)
    await run(({ run: own }) => own.log.write({ step: 4 }), { resume: true })
    expect((await entries()).at(-1)).toEqual({ step: 4 })
    expect(await entries()).toHaveLength(6)
    await run(({ run: own }) => own.log.rewind(2), { resume: true })
    expect((await entries()).map(({ part, step }) => [part, step])).toEqual([
      [undefined, 1],
      ['head', 1],
      [undefined, 2],
      ['head', undefined],
    ])
  })

  it('reads what it wrote, and neither writes nor notes outside its folder', async () => {
    await run(async ({ run: own }) => {
      expect(await own.write('members/a.bin', Uint8Array.of(1, 2))).toBe(path.join(folder, 'members', 'a.bin'))
      expect([...(await own.read('members/a.bin'))!]).toEqual([1, 2])
      expect(await own.read('members/b.bin')).toBeUndefined()
      for (const name of ['../out.bin', 'a/../../out.bin', path.join(root, 'out.bin'), '']) {
        await expect(own.write(name, '')).rejects.toMatchObject({ code: 'train/bad-name' })
        await expect(own.artefact('model', name)).rejects.toMatchObject({ code: 'train/bad-name' })
      }
      expect(() => own.part('../x')).toThrow(expect.objectContaining({ code: 'train/bad-name' }))
    })
    expect(await readdir(root)).toEqual(['runs'])
  })

  it('has a card that says what every run knows, the same each time', async () => {
    const cards: string[] = []
    const train = async ({ run: own }: TrainerRequest) => {
      cards.push(
        await own.card({ options: { epochs: 1 }, metrics: { a: 1 }, stopped: 'finished', data: { images: 2 } }),
      )
    }
    await run(train)
    await run(train, { overwrite: true })
    expect(cards[0]).toBe(cards[1])
    expect(JSON.parse(cards[0]!)).toEqual(JSON.parse(await text('card.json')))
    expect(JSON.parse(cards[0]!)).toMatchObject({
      trainer: 'toy',
      node: process.versions.node,
      seed: 4,
      startedFrom: { encoder: 'mini', space: 'mini@1' },
      data: { dataset: 'd', images: 2, hash: expect.any(String) as unknown },
      options: { epochs: 1 },
      metrics: { a: 1 },
    })
  })

  it('embeds within the limits and by the cache that it was given', async () => {
    const colour: Encoder = {
      ...encoder,
      input: { kind: 'bytes' },
      encode: () => Promise.reject(new LookalikeError('toy/encode', { problem: 'no' })),
    }
    const opened: string[] = []
    const images = {
      openCache: async (space: string) => {
        opened.push(space)
        throw new LookalikeError('toy/cache', { problem: 'no cache' })
      },
    }
    await expect(run((request) => request.embed(colour, request.dataset.items), { images })).rejects.toMatchObject({
      code: 'toy/cache',
    })
    expect(opened).toEqual(['mini@1'])
  })
})

describe('loggers', () => {
  const logger = (name: string, calls: unknown[], broken?: string): Logger => ({
    specVersion: 'v1',
    name,
    async open({ folder: at, facts, ...opened }) {
      const note = async (what: string, value: unknown) => {
        calls.push([what, value])
        if (what === broken) throw new Error('no connection')
      }
      await note('open', { ...opened, at, seed: facts['seed'] })
      return {
        log: (figures) => note('log', figures),
        rewind: (step) => note('rewind', step),
        close: (end) => note('close', end),
      }
    },
  })

  it('get the figures of the log, without events, and how the run ended', async () => {
    const calls: unknown[] = []
    const work: Parameters<typeof trainer>[0] = async ({ run: own }) => {
      await own.log.write({ event: 'start', fromStep: 0 })
      await own.log.write({ step: 2, epoch: 1, loss: 0.5, seconds: { forward: 0.1 }, bad: Number.NaN })
      await own.part('head').log.write({ step: 3, validation: { 'recall@1': 1 } })
      await own.log.rewind(2)
    }
    await run(work, { loggers: [logger('one', calls)] })
    expect(calls).toEqual([
      ['open', { name: 'shop', resumed: false, at: folder, seed: 4 }],
      ['log', { step: 2, figures: { loss: 0.5, 'seconds/forward': 0.1 } }],
      ['log', { step: 3, figures: { 'head/validation/recall@1': 1 } }],
      ['rewind', 2],
      ['close', { state: 'finished', metrics: { loss: 0.5 } }],
    ])
    await expect(
      run(() => Promise.reject(new Error('broke')), { resume: true, loggers: [logger('one', calls)] }),
    ).rejects.toThrow('broke')
    expect(calls.slice(5)).toEqual([
      ['open', { name: 'shop', resumed: true, at: folder, seed: 4 }],
      ['close', { state: 'failed', metrics: {} }],
    ])
  })

  it.each(['open', 'log', 'close'])(
    'one whose %s fails is left out, with a warning; the others go on',
    async (broken) => {
      const [first, second]: [unknown[], unknown[]] = [[], []]
      const warnings: Warning[] = []
      const result = await run(
        async ({ run: own }) => {
          await own.log.write({ step: 1, loss: 1 })
          await own.log.write({ step: 2, loss: 2 })
        },
        {
          loggers: [logger('broken', first, broken), logger('sound', second)],
          onWarning: (warning) => warnings.push(warning),
        },
      )
      expect(result).toEqual(finished)
      expect(warnings.map(({ code, fields }) => [code, fields['logger']])).toEqual([['logger/failed', 'broken']])
      expect(first.map((call) => (call as [string])[0]).at(-1)).toBe(broken)
      expect(second).toHaveLength(4)
    },
  )
})

describe('the model card', () => {
  it('says what the run was, as a hub reads it, and does not replace one that people wrote', async () => {
    const settings = { note: '<b>|"x"' }
    await run(async () => undefined, { settings })
    const card = await text('README.md')
    const [, yaml] = card.split('---\n')
    expect(loadAll(yaml!)[0]).toMatchObject({
      library_name: 'lookalike',
      pipeline_tag: 'image-feature-extraction',
      'model-index': [{ name: 'shop', results: [{ dataset: { name: 'd' }, metrics: [{ type: 'loss', value: 0.5 }] }] }],
    })
    expect(card).toContain('Trained by Lookalike (toy) from mini on d')
    expect(card).toContain('| loss | 0.5 |')
    await writeFile(path.join(folder, 'README.md'), '# Mine')
    await run(async () => undefined, { settings, overwrite: false, resume: true })
    expect(await text('README.md')).toBe('# Mine')
  })
})
