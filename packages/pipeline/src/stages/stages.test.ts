import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, definePlugin } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseConfig } from '../config/parse-config.js'
import { createPipeline } from '../create-pipeline.js'

const parse = (given: Record<string, unknown>, overrides: Record<string, string> = {}) =>
  parseConfig({ name: 'all', ...given }, 'run', undefined, overrides)

const chain = {
  train: { use: 'copy', note: 'shared' },
  stages: [
    { name: 'first', encoder: 'mini' },
    { name: 'second', encoder: { use: 'onnx', model: '${stages.first}/model.onnx' }, train: { note: 'own' }, seed: 4 },
  ],
  encoder: { use: 'onnx', model: '${stages.second}/model.onnx' },
}

describe('stages in a config', () => {
  it('take from the config what they do not say, and call earlier ones by name', () => {
    const { stages, encoder } = parse(chain)
    expect(stages).toMatchObject([
      {
        name: 'first',
        config: {
          name: 'all/first',
          seed: 0,
          encoder: { use: 'mini' },
          train: { use: 'copy', options: { note: 'shared' } },
        },
      },
      {
        name: 'second',
        config: {
          name: 'all/second',
          seed: 4,
          encoder: { options: { model: './runs/all/first/model.onnx' }, path: 'stages[1].encoder' },
          train: { use: 'copy', options: { note: 'own' }, path: 'stages[1].train' },
        },
      },
    ])
    expect(encoder).toMatchObject({ options: { model: './runs/all/second/model.onnx' }, path: 'encoder' })
  })

  it('share settings without a trainer in common, from the file and from the command line', () => {
    const own = { train: { note: 'shared' }, stages: [{ name: 'a', train: { use: 'copy' } }] }
    expect(parse(own).stages[0]!.config.train).toMatchObject({ use: 'copy', options: { note: 'shared' } })
    expect(parse({ stages: own.stages }, { 'train.note': 'given' })).toMatchObject({
      stages: [{ config: { train: { use: 'copy', options: { note: 'given' } } } }],
    })
    expect(() => parse({ ...own, stages: [] })).toThrow('train: ')
    expect(() => parse({ ...own, stages: [{ name: 'a' }] })).toThrow('stages[0].train: ')
  })

  it('follow where runs go', () => {
    const model = (runs: string) => parse({ ...chain, runs }).encoder?.options.model
    expect(model('../out')).toBe('../out/all/second/model.onnx')
    expect(model('/out')).toBe('/out/all/second/model.onnx')
  })

  it('are set on the command line, all of them or one', () => {
    const notes = (overrides: Record<string, string>) =>
      parse(chain, overrides).stages.map(({ config }) => config.train?.options.note)
    expect(notes({ 'train.note': 'given' })).toEqual(['given', 'given'])
    expect(notes({ 'stages.second.train.note': 'given' })).toEqual(['shared', 'given'])
    expect(notes({ 'stages.0.train.note': 'given' })).toEqual(['given', 'own'])
    expect(notes({ 'stages.second.train.note': 'one', 'train.note': 'all' })).toEqual(['all', 'one'])
    expect(() => notes({ 'stages.third.train.note': 'x' })).toThrow('stages has no element third')
  })

  const at = (model: string, own: number) => ({
    ...chain,
    stages: chain.stages.map((stage, i) => (i === own ? { ...stage, encoder: { use: 'onnx', model } } : stage)),
  })
  it.each([
    [
      '${stages.second}/m',
      0,
      'stages[0].encoder.model: the stage "first" names the stage "second", which comes later. Expected: no stage: this is the first.',
    ],
    [
      '${stages.second}/m',
      1,
      'stages[1].encoder.model: the stage "second" names itself. Expected: an earlier stage: first.',
    ],
    [
      '${stages.frist}/m',
      1,
      'the stage "second" names the stage "frist", and there is none. Expected: an earlier stage: first. Did you mean ${stages.first}?',
    ],
    ['${stages.first.model}', 1, 'Files are named by their path: ${stages.first}/model.onnx'],
  ])('refuse %s in stage %i', (model, own, message) => {
    expect(() => parse(at(model, own))).toThrow(message)
  })

  it('are asked for only where there are some', () => {
    expect(() => parse({ encoder: { use: 'onnx', model: '${stages.a}/model.onnx' } })).toThrow(
      'encoder.model: names the stage "a", and there is none. Expected: a config with stages',
    )
  })

  it('have names of their own and a trainer each', () => {
    expect(() => parse({ ...chain, stages: [{ name: 'a' }, { name: 'a' }] })).toThrow(
      'stages[1].name: there are two stages "a"',
    )
    expect(() => parse({ stages: [{ name: 'a' }] })).toThrow('stages[0]: the stage "a" names no trainer')
    expect(() => parse({ stages: [{ name: 'A/b', train: 'copy' }] })).toThrow('stages[0].name')
    expect(() => parse({ stages: [{ name: 'a', trian: 'copy' }] })).toThrow('Did you mean "train"?')
  })
})

describe('training in stages', () => {
  let folder = ''
  /** What was trained, from what. */
  const trained: string[] = []
  let failing: string | undefined
  /** What was asked of the datasets that were read. */
  const read: (string | undefined)[] = []
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-stages-'))
    await writeFile(path.join(folder, 'start'), '')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const part = (
    kind: 'encoder' | 'index' | 'dataset' | 'trainer',
    name: string,
    options: z.ZodType,
    create: (...args: never[]) => unknown,
  ) => definePlugin({ specVersion: 'v1', kind, name, description: name, options, create: create as never } as never)
  const registry = createRegistry([
    part('index', 'exact', z.strictObject({}), () => ({})),
    part('dataset', 'none', z.strictObject({ of: z.string().optional() }), ({ of }: { of?: string }) => {
      read.push(of)
      return { name: 'none', items: [] }
    }),
    part(
      'encoder',
      'onnx',
      z.strictObject({ model: z.string() }),
      async ({ model }: { model: string }, context: { folder: string }) => {
        const content = await readFile(path.resolve(context.folder, model), 'utf8')
        return { name: model, space: `space of ${content}`, content, dispose: async () => {} }
      },
    ),
    part('trainer', 'append', z.strictObject({ text: z.string() }), ({ text }: { text: string }) => ({
      specVersion: 'v1',
      name: 'append',
      settings: { text },
      async train({
        encoder,
        run,
      }: {
        encoder: { content: string }
        run: { write(name: string, text: string): Promise<string> }
      }) {
        trained.push(`${encoder.content}+${text}`)
        if (failing === text) throw new Error('stopped')
        await run.write('model.txt', `${encoder.content}${text}`)
        return { artefact: 'model.txt', metrics: { length: 1 }, stopped: 'finished' }
      },
    })),
  ])
  const open = (last = 'c', name = 'all') =>
    createPipeline(
      {
        folder,
        config: parse({
          name,
          dataset: 'none',
          encoder: { use: 'onnx', model: 'start' },
          evaluate: { reporters: [] },
          train: { use: 'append' },
          stages: [
            { name: 'a', train: { text: 'a' } },
            { name: 'b', encoder: { model: '${stages.a}/model.txt' }, train: { text: 'b' } },
            {
              name: 'c',
              dataset: { use: 'none', of: 'c' },
              encoder: { model: '${stages.b}/model.txt' },
              train: { text: last },
            },
          ],
        }),
      },
      registry,
    )

  it('goes from one to the next, keeps what is finished, goes on with what is not, and replaces when asked', async () => {
    failing = 'b'
    await expect((await open()).trainStages()).rejects.toThrow('stopped')
    expect(trained.splice(0)).toEqual(['+a', 'a+b'])
    await expect((await open()).trainStages()).rejects.toThrow(/the stage "a" \(finished\), the stage "b" \(failed\)/)
    expect(trained).toEqual([])
    failing = undefined
    const done = await (await open()).trainStages({ resume: true })
    expect(trained.splice(0)).toEqual(['a+b', 'ab+c'])
    expect(done).toMatchObject([
      { name: 'a', metrics: { length: 1 } },
      { name: 'b' },
      { name: 'c', artefact: 'model.txt' },
    ])
    expect(await readFile(path.join(folder, 'runs/all/c/model.txt'), 'utf8')).toBe('abc')

    await (await open()).trainStages({ resume: true })
    expect(trained).toEqual([])
    // A stage that the config says otherwise now is not the one that is there.
    await expect((await open('d')).trainStages({ resume: true })).rejects.toMatchObject({ code: 'train/run-differs' })
    await (await open('d')).trainStages({ overwrite: true })
    expect(trained.splice(0)).toEqual(['+a', 'a+b', 'ab+d'])
  })

  it('reads a dataset once for all stages that name the same', async () => {
    read.length = 0
    const pipeline = await open('c', 'shared')
    await pipeline.trainStages()
    await pipeline.dataset()
    expect(read).toEqual([undefined, 'c'])
  })
})
