import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  createEmbeddings,
  createRandom,
  type Dataset,
  type Encoder,
  type EncoderBatch,
  type Progress,
  type Triple,
  type UnboundLoss,
  type Warning,
} from '@lookalike/core'
import { type RunTrainerOptions, readRunFile, runTrainer } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createContextCombiner } from '../combiner/create-context-combiner.js'
import { readEnsemble } from '../combiner/ensemble-file.js'
import { memberDim } from '../combiner/ensemble-model.js'
import { contextTripleLoss, cosineTripleLoss } from '../context/triple-losses.js'
import { contextTrainer, createContextTrainer } from './context-trainer.js'
import type { ContextTrainerOptions } from './trainer-options.js'

// Grey pictures whose two colours are the embedding: odd contexts judge by red, even ones by blue.
const count = 40
const random = createRandom('trainer')
const items = Array.from({ length: count }, (_, i) => ({
  id: `i${i}`,
  label: `i${i}`,
  split: 'train' as const,
  isQuery: true,
  isGallery: true,
  source: { data: Uint8Array.of(random.integer(256), 128, random.integer(256)), width: 1, height: 1 },
}))
const channel = { red: 0, blue: 2 } as const
const triple = (reference: number, by: keyof typeof channel, split: Triple['split']): Triple => {
  const [a, b] = [...random.permutation(count)].filter((at) => at !== reference) as [number, number]
  const value = (at: number) => items[at]!.source.data[channel[by]]!
  const closer = Math.abs(value(a) - value(reference)) < Math.abs(value(b) - value(reference)) ? 'a' : 'b'
  return {
    reference: `i${reference}`,
    a: `i${a}`,
    b: `i${b}`,
    closer,
    split,
    ...(split === 'train' && { context: by }),
  }
}
const many = (n: number, by: keyof typeof channel, split: Triple['split']) =>
  Array.from({ length: n }, (_, at) => triple(at % count, by, split))
const triples = [...many(360, 'red', 'train'), ...many(360, 'blue', 'train'), ...many(60, 'red', 'validation')]
const dataset: Dataset = { specVersion: 'v1', name: 'toy', items, triples }
const encoder: Encoder = {
  specVersion: 'v1',
  name: 'toy',
  dim: 3,
  space: 'toy@1',
  batchSize: 8,
  input: {
    kind: 'pixels',
    preprocessing: {
      resize: { mode: 'squash' },
      crop: { width: 1, height: 1 },
      interpolation: 'nearest',
      background: [0, 0, 0],
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      channels: 'rgb',
      layout: 'nchw',
    },
  },
  encode: async (batch: EncoderBatch) => {
    if (batch.kind !== 'pixels') throw new Error('pixels only')
    return createEmbeddings({
      data: batch.data.slice(0, batch.count * 3),
      rows: batch.count,
      dim: 3,
      space: 'toy@1',
      role: 'any',
    })
  },
  dispose: async () => undefined,
}
const settings = async (given: Record<string, unknown> = {}) => {
  const parsed = await contextTrainer.options['~standard'].validate({ batchSize: 8, ...given })
  if (parsed.issues) throw new Error(parsed.issues[0]!.message)
  return parsed.value as ContextTrainerOptions
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'trainer-'))
})
afterAll(() => rm(folder, { recursive: true }))
const train = async (
  given: Record<string, unknown>,
  data = dataset,
  resume = false,
  {
    loss = cosineTripleLoss(),
    request = {},
  }: { readonly loss?: UnboundLoss; readonly request?: Partial<RunTrainerOptions> } = {},
) =>
  runTrainer(
    createContextTrainer(await settings(given), {
      loss,
      openNetwork: () => Promise.reject(new Error('heads need no networks')),
    }),
    { dataset: data, encoder, folder, seed: 0, resume, overwrite: !resume, ...request },
  )

describe('context-ensemble trainer', () => {
  it('trains a member for each context and trusts the one that fits the validation references', async () => {
    const result = await train({ epochs: 30, learningRate: 0.02, weightDecay: 0, weights: { use: 'best-single' } })
    expect(Object.keys(result.metrics)).toEqual([
      'local-accuracy/red',
      'local-accuracy/blue',
      'consistency of the triples',
      'best member of each validation reference, chosen on the other half',
      'the same by chance',
      'probability of such a gain by chance',
      'best member of each validation reference, with hindsight',
      'hindsight by chance',
    ])
    for (const name of Object.keys(result.metrics).slice(0, 3)) expect(result.metrics[name]).toBeGreaterThan(0.75)
    const model = await readEnsemble(folder)
    expect(model.weights).toEqual({ kind: 'constant', values: Float32Array.of(1, 0) })
    expect(createContextCombiner(model, [encoder]).dim).toBe(
      model.members.reduce((sum, member) => sum + memberDim(member), 0),
    )
  })

  it('does not train again what is done, and gives the same result', async () => {
    const options = { epochs: 3, weights: { use: 'credibility-map' } }
    await train(options)
    const file = path.join(folder, 'ensemble.json')
    const before = await readFile(file, 'utf8')
    const times = async () =>
      Promise.all(
        (await readdir(path.join(folder, 'members'))).map(
          async (name) => (await stat(path.join(folder, 'members', name))).mtimeMs,
        ),
      )
    const [first, second] = [await times(), (await train(options, dataset, true), await times())]
    expect(second).toEqual(first)
    expect(await readFile(file, 'utf8')).toBe(before)
    expect(await readFile(path.join(folder, 'credibility-map.svg'), 'utf8')).toContain('>red <tspan')
  })

  it('says where no validation reference tells members apart, and weights look at an encoder of their own', async () => {
    const warnings: Warning[] = []
    const onnx = { bytes: async () => Uint8Array.of(0), input: 'x', output: 'y' }
    const looking: Encoder = {
      ...encoder,
      name: 'looking',
      space: 'looking@1',
      onnx,
      encode: async (batch, options) => ({ ...(await encoder.encode(batch, options)), space: 'looking@1' }),
    }
    const all = Array.from({ length: 6 }, () => many(40, 'red', 'validation')).flat()
    const data = { ...dataset, triples: [...triples.filter(({ split }) => split === 'train'), ...all] }
    await runTrainer(
      createContextTrainer(await settings({ epochs: 3, weights: { use: 'gate' } }), {
        loss: cosineTripleLoss(),
        weightsEncoder: looking,
        openNetwork: () => Promise.reject(new Error('heads need no networks')),
      }),
      { dataset: data, encoder, folder, seed: 0, overwrite: true, onWarning: (warning) => warnings.push(warning) },
    )
    expect(warnings.filter(({ code }) => code.startsWith('ensemble/'))).toMatchObject([
      { code: 'ensemble/no-reference-skill', fields: { references: 40, triples: 240 } },
    ])
    const model = await readEnsemble(folder)
    expect(model).toMatchObject({ weightsBase: 1, weights: { kind: 'gate' } })
    const combiner = createContextCombiner(model, [encoder, looking])
    expect(combiner.galleryEncoders.map(({ space }) => space)).toEqual(['toy@1'])
    expect(combiner.queryEncoders.map(({ space }) => space)).toEqual(['toy@1', 'looking@1'])
  })

  it('keeps of each context the member of the best encoder', async () => {
    const onnx = { bytes: async () => Uint8Array.of(0), input: 'x', output: 'y' }
    const seeing: Encoder = { ...encoder, onnx }
    const blind: Encoder = {
      ...seeing,
      name: 'blind',
      space: 'blind@1',
      encode: async (batch: EncoderBatch) => {
        if (batch.kind !== 'pixels') throw new Error('pixels only')
        const data = Float32Array.from({ length: batch.count * 3 }, (_, i) => (i % 3 === 1 ? 1 : 0.001 * (i % 7)))
        return createEmbeddings({ data, rows: batch.count, dim: 3, space: 'blind@1', role: 'any' })
      },
    }
    await runTrainer(
      createContextTrainer(await settings({ epochs: 10, keep: 'best', weights: { use: 'uniform' } }), {
        loss: cosineTripleLoss(),
        encoders: [seeing],
        openNetwork: () => Promise.reject(new Error('heads need no networks')),
      }),
      { dataset, encoder: blind, folder, seed: 0, overwrite: true },
    )
    const { members } = await readEnsemble(folder)
    expect(members.map(({ context, base }) => [context, base])).toEqual([
      ['red', 1],
      ['blue', 1],
    ])
  })

  it('trains on the first two thirds of a context alone, and measures on the rest', async () => {
    const cut = (triple: Triple, i: number, of: number) => ({ ...triple, classA: i < (of * 2) / 3 ? 1 : 5, classB: 1 })
    const contexts = ['red', 'blue'].flatMap((name) => {
      const own = triples.filter(({ context }) => context === name).slice(0, 90)
      return own.map((triple, i) => cut(triple, i, own.length))
    })
    const seen = new Set<number | undefined>()
    let count = 0
    const spying: UnboundLoss = {
      bind: async (binding) => {
        const inner = await cosineTripleLoss().bind(binding)
        return {
          ...inner,
          compute: (input) => {
            for (const { classA } of input.triples!) seen.add(classA)
            count += input.triples!.length
            return inner.compute(input)
          },
        }
      },
    }
    const data = { ...dataset, triples: [...contexts, ...triples.filter(({ split }) => split === 'validation')] }
    await train({ epochs: 2 }, data, false, { loss: spying })
    expect([...seen]).toEqual([1])
    // Two contexts, two epochs, seven full batches of eight of 60 triples.
    expect(count).toBe(2 * 2 * 56)
  })

  it('cut off within a member, goes on to the same ensemble, and leaves a log and a card', async () => {
    const options = { epochs: 20, weights: { use: 'uniform' } }
    await train(options)
    const whole = await readFile(path.join(folder, 'ensemble.json'), 'utf8')
    const stop = new AbortController()
    // Within the second member.
    const onProgress = ({ phase, done, total = 0 }: Progress) =>
      void (phase === 'train' && done > 0.7 * total && stop.abort())
    const cut = await train(options, dataset, false, { request: { signal: stop.signal, onProgress } })
    expect(cut.stopped).toBe('aborted')
    expect(await readRunFile(folder)).toMatchObject({ state: 'aborted', artefacts: {} })
    await expect(train(options, dataset, false, { request: { overwrite: false } })).rejects.toMatchObject({
      code: 'train/run-exists',
    })
    await expect(train({ ...options, learningRate: 0.5 }, dataset, true)).rejects.toMatchObject({
      code: 'train/run-differs',
      fields: { different: ['train.learningRate'] },
    })
    expect((await train(options, dataset, true)).stopped).toBe('finished')
    expect(await readFile(path.join(folder, 'ensemble.json'), 'utf8')).toBe(whole)
    expect(await readRunFile(folder)).toMatchObject({
      state: 'finished',
      trainer: { name: 'context-ensemble' },
      artefacts: { ensemble: 'ensemble.json' },
    })
    const log = (await readFile(path.join(folder, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const part of ['member-1', 'member-2']) {
      const steps = log.flatMap((entry) =>
        entry['part'] === part && 'loss' in entry && 'step' in entry ? [entry['step']] : [],
      )
      // Where it stopped it wrote a line more.
      expect(
        steps.filter((step) => (step as number) % 10 === 0),
        part,
      ).toEqual(Array.from({ length: 60 }, (_, i) => 10 * (i + 1)))
    }
    expect(log.filter(({ event }) => event === 'resume')).toMatchObject([{ part: 'member-2', context: 'blue' }])
    expect(JSON.parse(await readFile(path.join(folder, 'card.json'), 'utf8'))).toMatchObject({
      trainer: 'context-ensemble',
      data: { images: count, contexts: 2, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      options: { loss: { use: 'triple-cosine' } },
    })
    expect((await readdir(folder)).filter((name) => name.startsWith('checkpoint'))).toEqual([])
  })

  it("takes any loss on triples, the paper's among them, and no loss on labels", async () => {
    const own = { epochs: 10, learningRate: 0.01, weightDecay: 0, weights: { use: 'uniform' } }
    const result = await train({ ...own, loss: 'context' }, dataset, false, { loss: contextTripleLoss() })
    for (const name of ['local-accuracy/red', 'local-accuracy/blue']) expect(result.metrics[name]).toBeGreaterThan(0.6)
    const onLabels: UnboundLoss = {
      bind: async (binding) => ({ ...(await cosineTripleLoss().bind(binding)), name: 'proxies', input: 'labels' }),
    }
    await expect(train(own, dataset, false, { loss: onLabels })).rejects.toMatchObject({
      code: 'ensemble/loss-input',
      message: expect.stringContaining('proxies') as unknown,
    })
  })

  it('trusts members above 0.75 unless told otherwise', async () => {
    expect(await settings({ weights: { use: 'credibility-map' } })).toMatchObject({
      weights: { grid: 200, window: 10, mode: 'threshold', threshold: 0.75 },
    })
  })

  it('warns of triples that speak against each other', async () => {
    const [first] = triples
    const contradiction = { ...first!, closer: first!.closer === 'a' ? 'b' : 'a' } as const
    const warnings: string[] = []
    const trainer = createContextTrainer(await settings({ epochs: 0 }), {
      loss: cosineTripleLoss(),
      openNetwork: () => Promise.reject(new Error('none')),
    })
    await runTrainer(trainer, {
      dataset: { ...dataset, triples: [...triples, contradiction] },
      encoder,
      folder,
      seed: 0,
      overwrite: true,
      onWarning: ({ code }) => warnings.push(code),
    })
    expect(warnings).toContain('triples/contradiction')
  })

  it.each<[string, Partial<Dataset>, string]>([
    ['candidates that are the same', { triples: [{ ...triples[0]!, b: triples[0]!.a }] }, 'ensemble/bad-triple'],
    [
      'a reference among its candidates',
      { triples: [{ ...triples[0]!, a: triples[0]!.reference }] },
      'ensemble/bad-triple',
    ],
    ['an answer other than a and b', { triples: [{ ...triples[0]!, closer: 'c' as 'a' }] }, 'ensemble/bad-triple'],
    ['an image that is not there', { triples: [{ ...triples[0]!, a: 'nowhere' }] }, 'ensemble/bad-triple'],
    ['no triples', { triples: [] }, 'ensemble/no-triples'],
    ['one context only', { triples: many(60, 'red', 'train') }, 'ensemble/one-context'],
    [
      'a context smaller than a batch',
      { triples: [...many(60, 'red', 'train'), ...many(11, 'blue', 'train')] },
      'ensemble/small-context',
    ],
    [
      'no validation references',
      { triples: triples.filter(({ split }) => split === 'train') },
      'ensemble/no-validation',
    ],
  ])('refuses %s', async (_what, change, code) => {
    await expect(train({ epochs: 1 }, { ...dataset, ...change })).rejects.toMatchObject({ code })
  })
})
