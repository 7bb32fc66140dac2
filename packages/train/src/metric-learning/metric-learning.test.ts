import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Warning } from '@lookalike/core'
import { createGraphBuilder, float32, loadModel, toInt8 } from '@lookalike/onnx'
import { type RunTrainerOptions, readRunFile, runTrainer } from '@lookalike/pipeline'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { flip } from '../augmentations/flip.js'
import { balanced } from '../samplers/balanced.js'
import { centreLoss } from '../testing/centre-loss.js'
import { datasetOf, pictures, tinyEncoder, tinyNetwork } from '../testing/pictures.js'
import { type MetricLearningOptions, type MetricLearningParts, metricLearning } from './metric-learning.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'train-'))
})
afterEach(() => rm(folder, { recursive: true }))

const train = (
  options: Partial<MetricLearningOptions> = {},
  request: Partial<RunTrainerOptions> = {},
  parts: Partial<MetricLearningParts> = {},
) =>
  runTrainer(
    metricLearning(
      { loss: 'centre', epochs: 4, optimizer: { learningRate: 0.01 }, workers: 0, logEvery: 1, ...options },
      {
        loss: centreLoss(),
        sampler: balanced({ labels: 4, instances: 4 }),
        augmentations: [flip()],
        threads: 1,
        ...parts,
      },
    ),
    {
      dataset: datasetOf(pictures(10, 8)),
      encoder: tinyEncoder(),
      folder,
      seed: 1,
      overwrite: !request.resume,
      ...request,
    },
  )

const weightsOf = async (name = 'model.onnx') => (await loadModel(path.join(folder, name))).graph.initializers
const logOf = async () =>
  (await readFile(path.join(folder, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('metric-learning', () => {
  it('learns: the loss falls, classes that it never saw are told apart better', async () => {
    const result = await train({ epochs: 12, validation: 0.4 })
    const losses = (await logOf()).flatMap((entry) => (typeof entry['loss'] === 'number' ? [entry['loss']] : []))
    expect(losses.at(-1)!).toBeLessThan(0.4 * losses[0]!)
    expect(result).toMatchObject({ artefact: 'model.onnx', stopped: 'finished' })
    expect(result.metrics['validation map@r']).toBeGreaterThan(0.5)
  })

  it('leaves values out while it trains, the same ones with the same seed, and none afterwards', async () => {
    const head = { dim: 4 }
    const trained = async (dropout: number) => {
      await train({ epochs: 2, validation: 0.2, head, dropout })
      const model = await loadModel(path.join(folder, 'model.onnx'))
      expect(model.graph.inputs.map(({ name }) => name)).toEqual(['pixel_values'])
      return model.graph.initializers.get('lookalike.head.0.weight')!.data
    }
    const thinned = await trained(0.5)
    expect(await trained(0.5)).toEqual(thinned)
    expect(await trained(0)).not.toEqual(thinned)
  })

  it('writes the model with its preprocessing and card, and a log of every step with its parts', async () => {
    await train({ epochs: 2, head: { dim: 4, hidden: [5] } })
    const model = await loadModel(path.join(folder, 'model.onnx'))
    expect(model.graph.outputs.map(({ shape }) => shape)).toEqual([['N', 4]])
    expect(model.metadata['lookalike.builder']).toBe('tiny')
    expect(JSON.parse(model.metadata['lookalike.preprocessing']!)).toMatchObject({ crop: { width: 8, height: 8 } })
    const card = JSON.parse(await readFile(path.join(folder, 'card.json'), 'utf8')) as Record<string, unknown>
    expect(card).toEqual(JSON.parse(model.metadata['lookalike.card']!))
    expect(card).toMatchObject({
      trainer: 'metric-learning',
      seed: 1,
      data: { images: 60, classes: 10, validationImages: 20, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    const step = (await logOf()).find((entry) => entry['step'] === 1)!
    expect(Object.keys(step['seconds'] as object).sort()).toEqual(['backward', 'forward', 'load', 'loss', 'update'])
    expect(step).toMatchObject({
      epoch: 0,
      imagesPerSecond: expect.any(Number),
      learningRate: expect.any(Number),
      gradientNorm: expect.any(Number),
    })
  })

  it('gives the same weights for the same seed, others for another, and the same in chunks', async () => {
    await train()
    const first = await weightsOf()
    await train({}, { folder: path.join(folder) })
    expect(await weightsOf()).toEqual(first)
    await train({ chunk: 5 })
    const chunked = await weightsOf()
    ;(chunked.get('conv.weight')!.data as Float32Array).forEach((value, i) =>
      expect(value).toBeCloseTo((first.get('conv.weight')!.data as Float32Array)[i]!, 3),
    )
    await train({}, { seed: 2 })
    expect(await weightsOf()).not.toEqual(first)
  })

  it('stops when asked, with a checkpoint, and goes on to the weights of an uninterrupted run', async () => {
    const options = { epochs: 6, averageDecay: 0.9, checkpointEvery: 7, validation: 0.2 }
    await train(options)
    const uninterrupted = await weightsOf()
    for (const at of [1, 5, 11]) {
      await rm(folder, { recursive: true })
      await import('node:fs/promises').then(({ mkdir }) => mkdir(folder))
      const stop = new AbortController()
      const stopped = await train(options, {
        signal: stop.signal,
        onProgress: ({ phase, done }) => (phase === 'train' && done >= at ? stop.abort() : undefined),
      })
      expect(stopped.stopped).toBe('aborted')
      expect((await logOf()).at(-1)).toMatchObject({ event: 'aborted', fromStep: at })
      const { stopped: end } = await train(options, { resume: true })
      expect(end).toBe('finished')
      expect(await weightsOf(), `stopped at ${at}`).toEqual(uninterrupted)
      const steps = (await logOf()).flatMap((entry) => (typeof entry['loss'] === 'number' ? [entry['step']] : []))
      expect(steps).toEqual(Array.from({ length: steps.length }, (_, i) => i + 1))
    }
  })

  it('trains on the providers that it is told, and says which', async () => {
    await train({ epochs: 1, providers: ['cpu'] })
    expect((await logOf())[0]).toMatchObject({ providers: ['cpu'] })
  })

  it('leaves frozen weights as they were, and all but the head in the first epochs', async () => {
    const before = tinyNetwork().graph.initializers
    await train({ freeze: ['conv.*'] })
    const frozen = await weightsOf()
    expect(frozen.get('conv.weight')).toEqual(before.get('conv.weight'))
    expect(frozen.get('head.weight')).not.toEqual(before.get('head.weight'))
    await train({ headOnlyEpochs: 4, keep: 'last' })
    expect((await weightsOf()).get('conv.weight')).toEqual(before.get('conv.weight'))
    await train({ headOnlyEpochs: 2, keep: 'last' })
    expect((await weightsOf()).get('conv.weight')).not.toEqual(before.get('conv.weight'))
  })

  it('stops early when validation no longer gets better, and keeps the best', async () => {
    const result = await train({ epochs: 50, validation: 0.3, patience: 2, optimizer: { learningRate: 0.2 } })
    expect(result.stopped).toBe('early')
    const validations = (await logOf()).flatMap((entry) =>
      entry['validation'] ? [entry['validation'] as Record<string, number>] : [],
    )
    expect(validations.length).toBeLessThan(50)
    expect(result.metrics['validation map@r']).toBe(Math.max(...validations.map((figures) => figures['map@r']!)))
    expect(
      await train({ epochs: 50, validation: 0.3, patience: 2, optimizer: { learningRate: 0.2 } }, { resume: true }),
    ).toMatchObject({ stopped: 'early' })
  })

  it('never looks at the test split', async () => {
    const items = pictures(10, 8)
    await train({}, { dataset: datasetOf(items) })
    const alone = await weightsOf()
    await train({}, { dataset: datasetOf([...pictures(5, 4, 'test'), ...items]) })
    expect(await weightsOf()).toEqual(alone)
  })

  describe('on few images', () => {
    const withWarnings = async (options: Partial<MetricLearningOptions>, dataset = datasetOf(pictures(10, 8))) => {
      const warnings: Warning[] = []
      const result = await train(options, { dataset, onWarning: (warning) => warnings.push(warning) })
      return { result, warnings, codes: warnings.map(({ code }) => code) }
    }
    /** The images of a validation class are one and the same, which no training can make more alike. */
    const perfect = datasetOf([
      ...pictures(10, 8),
      ...[0, 1, 2].flatMap((copy) =>
        pictures(4, 1, 'validation').map((item) => ({ ...item, id: `${copy}/${item.id}` })),
      ),
    ])
    const NO_GAIN = { epochs: 2, optimizer: { learningRate: 0.05 } }

    it('holds out images where it would be one class, and says so; four classes are held out as classes', async () => {
      const { warnings } = await withWarnings({ epochs: 1 })
      expect(warnings[0]).toMatchObject({
        code: 'train/validation-of-images',
        fields: { classes: 1, images: 20, ofClasses: 10 },
      })
      const more = await withWarnings({ epochs: 1 }, datasetOf(pictures(10, 16)))
      expect(more.warnings[0]).toMatchObject({ fields: { images: 40, ofClasses: 10 } })
      const { codes } = await withWarnings({ epochs: 12, validation: 0.4 })
      expect(codes).toEqual([])
    })

    it("says that a dataset's own part of two classes is too small", async () => {
      const items = pictures(10, 8).map((item) =>
        ['train 1', 'train 2'].includes(item.label) ? { ...item, split: 'validation' as const } : item,
      )
      const warnings: Warning[] = []
      await train({ epochs: 1 }, { dataset: datasetOf(items), onWarning: (warning) => warnings.push(warning) })
      expect(warnings[0]).toMatchObject({ code: 'train/small-validation', fields: { classes: 2, images: 16 } })
      expect(warnings[0]!.message).toContain('splitBy: images')
    })

    it('measures before the first step, and puts before and after side by side', async () => {
      const notes: (string | undefined)[] = []
      const result = await train(
        { epochs: 12, validation: 0.4 },
        { onProgress: ({ phase, note }) => void (phase === 'before training' && notes.push(note)) },
      )
      const { metrics } = result
      expect(notes).toEqual([
        `validation recall@1 ${(100 * metrics['untuned recall@1']!).toFixed(1)} %, map@r ${(100 * metrics['untuned map@r']!).toFixed(1)} %`,
      ])
      expect((await logOf())[0]).toMatchObject({ event: 'start', untuned: { 'map@r': metrics['untuned map@r'] } })
      expect(metrics['validation map@r']).toBeGreaterThan(metrics['untuned map@r']!)
      expect(result.kept).toBeUndefined()
    })

    it.each([{}, { head: { dim: 6 } }])('keeps the encoder as it was where nothing was gained: %j', async (head) => {
      const { result, warnings } = await withWarnings({ ...NO_GAIN, ...head }, perfect)
      expect(warnings).toMatchObject([{ code: 'train/nothing-gained', fields: { kept: 'untuned' } }])
      expect(result.kept).toBe('untuned')
      expect(result.metrics['validation map@r']).toBeLessThanOrEqual(result.metrics['untuned map@r']!)
      expect(await weightsOf()).toEqual(tinyNetwork().graph.initializers)
      const { metadata } = await loadModel(path.join(folder, 'model.onnx'))
      expect(JSON.parse(metadata['lookalike.card']!)).toMatchObject({ kept: 'untuned' })
      expect(metadata['lookalike.preprocessing']).toBeDefined()
    })

    it('writes what was trained where the last weights or a shorter embedding were asked for, with the same warning', async () => {
      for (const asked of [{ keep: 'last' as const }, { head: { dim: 3 } }]) {
        const { result, warnings } = await withWarnings({ ...NO_GAIN, ...asked }, perfect)
        expect(warnings).toMatchObject([{ code: 'train/nothing-gained', fields: { kept: 'trained' } }])
        expect(result.kept).toBeUndefined()
        expect(await weightsOf()).not.toEqual(tinyNetwork().graph.initializers)
      }
    })
  })

  describe('bad input', () => {
    const failing = async (run: Promise<unknown>) =>
      run.then(
        () => expect.unreachable(),
        (error: unknown) => error as { code: string; message: string; fields: Record<string, unknown> },
      )

    it.each([
      ['one class', { dataset: datasetOf(pictures(1, 40)) }, { validation: 0 }, 'train/one-class'],
      ['no training images', { dataset: datasetOf(pictures(4, 4, 'test')) }, {}, 'train/no-images'],
      [
        'fewer images than a batch of two classes',
        { dataset: datasetOf(pictures(2, 3)) },
        { validation: 0 },
        'train/too-few-images',
      ],
      [
        'labels missing',
        { dataset: datasetOf(pictures(5, 4).map((item, i) => (i === 3 ? { ...item, label: '' } : item))) },
        {},
        'train/labels-missing',
      ],
      ['a pattern that fits no weight', {}, { freeze: ['blocks.*'] }, 'train/no-match'],
      [
        'an encoder that is no network',
        { encoder: { ...tinyEncoder(), onnx: undefined } as never },
        {},
        'train/encoder',
      ],
      ['everything frozen', {}, { freeze: ['*'] }, 'onnx/not-trainable'],
    ] as [string, Partial<RunTrainerOptions>, Partial<MetricLearningOptions>, string][])(
      '%s',
      async (_, request, options, code) => {
        expect((await failing(train(options, request))).code).toBe(code)
      },
    )

    it('says what to do where nothing, or one class besides validation, is left to train on', async () => {
      const none = await failing(train({}, { dataset: datasetOf(pictures(4, 4, 'test')) }))
      expect(none.message).toContain('a smaller "test" of the dataset')
      const { code, message } = await failing(train({}, { dataset: datasetOf(pictures(2, 4)) }))
      expect(code).toBe('train/one-class')
      expect(message).toContain('besides 1 for validation')
      expect(message).toContain('"validation: 0"')
    })

    it('names a provider that is not there, before it loads anything', async () => {
      const provider = process.platform === 'darwin' ? 'dml' : 'coreml'
      const failed = await train({ providers: [provider, 'cpu'] }).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'onnx/provider', message: expect.stringContaining(provider) as string })
      expect(await readdir(folder)).toEqual(['run.json'])
      expect(await readRunFile(folder)).toMatchObject({ state: 'failed', error: { code: 'onnx/provider' } })
    })

    it('warns of weights in 8 bits, which stay', async () => {
      const warnings: Warning[] = []
      await train(
        { epochs: 1, validation: 0 },
        {
          encoder: tinyEncoder(toInt8(tinyNetwork(), { minimum: 500 })),
          onWarning: (warning) => warnings.push(warning),
        },
      )
      expect(warnings).toMatchObject([{ code: 'train/quantised-weights', fields: { weights: ['head.weight.int8'] } }])
    })

    it('warns of classes with one image', async () => {
      const warnings: Warning[] = []
      const items = pictures(6, 8).filter(({ label, id }) => label !== 'train 5' || id === 'train/5/5.png')
      await train(
        { epochs: 1, validation: 0 },
        { dataset: datasetOf(items), onWarning: (warning) => warnings.push(warning) },
      )
      expect(warnings).toMatchObject([{ code: 'train/single-image-classes', fields: { classes: ['train 5'] } }])
    })

    it('stops at a loss that is not finite: names step and images, keeps the last good weights, and can go on', async () => {
      const inner = await centreLoss().bind({ dim: 6, classes: 10, seed: 1 })
      let broken = true
      const loss = {
        bind: async () => ({
          ...inner,
          compute: async (input: Parameters<typeof inner.compute>[0]) => ({
            ...(await inner.compute(input)),
            ...(broken && input.step === 3 && { value: Number.NaN }),
          }),
        }),
      }
      const error = await failing(train({ validation: 0 }, {}, { loss }))
      expect(error).toMatchObject({ code: 'train/loss', fields: { step: 3, epoch: 0 } })
      expect(error.fields['batch']).toHaveLength(16)
      expect(error.message).toContain('train/')
      broken = false
      expect(await train({ validation: 0 }, { resume: true }, { loss })).toMatchObject({ stopped: 'finished' })
      expect((await logOf()).some((entry) => entry['event'] === 'resume' && entry['fromStep'] === 3)).toBe(true)
    })

    it('stops at a gradient that is not finite and at a loss that explodes', async () => {
      const with_ = (
        change: (
          output: Awaited<ReturnType<Awaited<ReturnType<ReturnType<typeof centreLoss>['bind']>>['compute']>>,
        ) => unknown,
      ) => ({
        bind: async (binding: { dim: number; classes: number; seed: number }) => {
          const inner = await centreLoss().bind(binding)
          return {
            ...inner,
            compute: async (input: Parameters<typeof inner.compute>[0]) => change(await inner.compute(input)) as never,
          }
        },
      })
      const infinite = with_((output) => ({
        ...output,
        gradients: { ...output.gradients, embeddings: output.gradients.embeddings.fill(Infinity) },
      }))
      expect(await failing(train({}, {}, { loss: infinite }))).toMatchObject({
        code: 'train/loss',
        fields: { step: 0 },
      })
      let count = 0
      const exploding = with_((output) => ({ ...output, value: count++ < 4 ? output.value : 1e6 }))
      expect(await failing(train({}, {}, { loss: exploding }))).toMatchObject({
        code: 'train/loss',
        fields: { step: 4 },
      })
    })

    it('does not go on with another network, other data, another seed or other options, and names them', async () => {
      await train({ epochs: 1 })
      const before = await weightsOf()
      const goesOn = (options: Partial<MetricLearningOptions>, request: Partial<RunTrainerOptions>) =>
        failing(train({ epochs: 1, ...options }, { resume: true, ...request }))
      expect(await goesOn({}, { encoder: tinyEncoder(tinyNetwork(1)) })).toMatchObject({
        code: 'train/checkpoint-mismatch',
        fields: { different: ['network'] },
      })
      expect(await goesOn({}, { encoder: { ...tinyEncoder(), space: 'other' } })).toMatchObject({
        code: 'train/run-differs',
        fields: { different: ['encoder'] },
      })
      expect(await goesOn({}, { dataset: datasetOf(pictures(10, 8, 'train', 5)) })).toMatchObject({
        code: 'train/run-differs',
        fields: { different: ['data.hash'] },
      })
      const error = await goesOn({ optimizer: { learningRate: 0.5 } }, { seed: 3 })
      expect(error).toMatchObject({
        code: 'train/run-differs',
        fields: { different: ['seed', 'train.optimizer.learningRate'] },
      })
      expect(error.message).toContain('seed was 1 and is 3; train.optimizer.learningRate was 0.01 and is 0.5')
      expect(await weightsOf()).toEqual(before)
      // How often it writes and how it loads may change.
      expect(await train({ epochs: 1, checkpointEvery: 1, logEvery: 5, memory: 1 }, { resume: true })).toMatchObject({
        stopped: 'finished',
      })
    })

    it('refuses a damaged checkpoint', async () => {
      await train({ epochs: 1 })
      const file = path.join(folder, 'checkpoint-last.bin')
      const bytes = await readFile(file)
      bytes[bytes.length - 5]! ^= 1
      await writeFile(file, bytes)
      expect(await failing(train({ epochs: 1 }, { resume: true }))).toMatchObject({ code: 'train/checkpoint-damaged' })
      await writeFile(file, bytes.subarray(0, 100))
      expect(await failing(train({ epochs: 1 }, { resume: true }))).toMatchObject({ code: 'train/checkpoint-damaged' })
    })

    it('names the operator that has no gradient, unless what comes before it is frozen', async () => {
      const g = createGraphBuilder({ opset: 17 })
      const flat = g.flatten(g.input('pixel_values', 'float32', ['N', 3, 8, 8]))
      const weight = (name: string, from: number, to: number) =>
        g.initializer(
          name,
          float32(
            Float32Array.from({ length: from * to }, (_, i) => Math.sin(i)),
            [from, to],
          ),
        )
      const angles = g.node('Atan', [g.matMul(flat, weight('before', 192, 6))], {}, { name: 'angles' })
      g.output(g.l2Normalise(g.matMul(angles, weight('after', 6, 6))), 'embedding', { shape: ['N', 6] })
      const encoder = tinyEncoder(g.build())
      const failed = await failing(train({ epochs: 1 }, { encoder }))
      expect(failed).toMatchObject({ code: 'onnx/not-differentiable', fields: { op: 'Atan', node: 'angles' } })
      expect(failed.message).toMatch(/freeze/)
      expect(await train({ epochs: 1, freeze: ['before'] }, { encoder })).toMatchObject({ stopped: 'finished' })
    })

    it('ends when the disk is full, and goes on to the weights of an uninterrupted run', async () => {
      const options = { epochs: 3, validation: 0, checkpointEvery: 2 }
      await train(options)
      const uninterrupted = await weightsOf()
      await rm(folder, { recursive: true })
      folder = await mkdtemp(path.join(tmpdir(), 'train-'))
      const handle = await open(path.join(folder, 'probe'), 'w')
      const files = Object.getPrototypeOf(handle) as { writeFile: (...given: unknown[]) => Promise<void> }
      await handle.close()
      const { writeFile: write } = files
      let full = false
      const spy = vi.spyOn(files, 'writeFile').mockImplementation(function (this: unknown, ...given) {
        return full
          ? Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
          : write.apply(this, given)
      })
      const failed = await failing(
        train(options, { onProgress: ({ phase, done }) => void (full = phase === 'train' && done >= 5) }),
      ).finally(() => spy.mockRestore())
      expect(failed).toMatchObject({ code: 'train/write', fields: { code: 'ENOSPC' } })
      expect(failed.message).toContain('The disk is full')
      expect(await train(options, { resume: true })).toMatchObject({ stopped: 'finished' })
      expect((await logOf()).find(({ event }) => event === 'resume')).toMatchObject({ fromStep: 4 })
      expect(await weightsOf()).toEqual(uninterrupted)
    })

    it('replaces unreadable images by others of their class, or ends', async () => {
      const warnings: Warning[] = []
      const items = pictures(5, 8).map((item, i) => (i === 6 ? { ...item, source: new Uint8Array([1, 2, 3]) } : item))
      const request = { dataset: datasetOf(items), onWarning: (warning: Warning) => warnings.push(warning) }
      await train({ validation: 0 }, request)
      expect(warnings).toMatchObject([{ code: 'image/unsupported', fields: { position: 6 } }])
      expect(await failing(train({ validation: 0, onCorrupt: 'fail' }, request))).toMatchObject({
        code: 'image/unsupported',
      })
      const allBad = datasetOf(
        items.map((item) => (item.label === 'train 1' ? { ...item, source: new Uint8Array([1]) } : item)),
      )
      expect(await failing(train({ validation: 0 }, { dataset: allBad }))).toMatchObject({
        code: 'train/class-unreadable',
      })
    })
  })
})
