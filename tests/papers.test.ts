import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom, createRegistry } from '@lookalike/core'
import { encodePng } from '@lookalike/image'
import { createPipeline, loadConfig, loadPlugins, type Pipeline } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { DEFAULTS } from '../apps/cli/src/defaults.js'
import { root, runCli } from './helpers/run-cli.js'

/*
 * The papers' configs on miniature copies of the published layouts, with a small transformer and one step of each training: every option of them is
 * known and does something, and every loader finds its set.
 */

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(root, 'tests/.papers-'))
  await cp(path.join(root, 'examples/papers'), folder, { recursive: true, filter: (file) => !file.endsWith('runs') })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Files of a miniature, pictures among them: those ending in png or jpg, whatever is in them. */
async function miniature(place: string, texts: Readonly<Record<string, string>>, pictures: readonly string[]) {
  const random = createRandom(place)
  const write = async (file: string, content: string | Uint8Array) => {
    await mkdir(path.dirname(path.join(folder, place, file)), { recursive: true })
    await writeFile(path.join(folder, place, file), content)
  }
  for (const [file, text] of Object.entries(texts)) await write(file, text)
  for (const file of pictures) {
    const data = Uint8Array.from({ length: 20 * 20 * 3 }, () => random.integer(256))
    await write(file, await encodePng({ data, width: 20, height: 20 }))
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const layouts: Readonly<Record<string, (place: string) => Promise<void>>> = {
  cub: (place) => {
    const images = [1, 2, 3, 4, 101, 102].flatMap((label) => [1, 2].map((n) => ({ label, path: `${label}/${n}.png` })))
    const lines = (of: (at: (typeof images)[number]) => string | number) =>
      images.map((image, i) => `${i + 1} ${of(image)}`).join('\n')
    return miniature(
      `${place}/data/CUB_200_2011`,
      {
        'images.txt': lines((image) => image.path),
        'image_class_labels.txt': lines(({ label }) => label),
        'classes.txt': [1, 2, 3, 4, 101, 102].map((label) => `${label} bird-${label}`).join('\n'),
        'bounding_boxes.txt': lines(() => '0 0 20 20'),
      },
      images.map((image) => `images/${image.path}`),
    )
  },
  cars: async (place) => {
    await cp(
      path.join(root, 'packages/datasets/fixtures/cars-one-file'),
      path.join(folder, place, 'data/stanford_cars'),
      {
        recursive: true,
      },
    )
    await miniature(
      `${place}/data/stanford_cars`,
      {},
      numbers(1, 6).map((n) => `car_ims/00000${n}.jpg`),
    )
  },
  sop: (place) => {
    const rows = (labels: readonly number[]) => labels.flatMap((label) => [1, 2, 3, 4].map((n) => ({ label, n })))
    const list = (labels: readonly number[]) =>
      `image_id class_id super_class_id path\n${rows(labels)
        .map(({ label, n }, i) => `${i + 1} ${label} 1 chair_final/${label}_${n}.JPG`)
        .join('\n')}\n`
    return miniature(
      `${place}/data/Stanford_Online_Products`,
      { 'Ebay_train.txt': list(numbers(1, 4)), 'Ebay_test.txt': list([11_319, 11_320]) },
      rows([...numbers(1, 4), 11_319, 11_320]).map(({ label, n }) => `chair_final/${label}_${n}.JPG`),
    )
  },
  'in-shop': (place) => {
    const rows = numbers(1, 6).flatMap((label) =>
      numbers(1, 4).map((n) => ({
        file: `img/MEN/Denim/id_${label}/0${n}_1_front.jpg`,
        part: label <= 4 ? 'train' : n === 1 ? 'query' : 'gallery',
        label,
      })),
    )
    return miniature(
      `${place}/data/In-shop`,
      {
        'Eval/list_eval_partition.txt': `${rows.length}\nimage_name item_id evaluation_status\n${rows
          .map(({ file, label, part }) => `${file} id_${label} ${part}`)
          .join('\n')}\n`,
      },
      rows.map(({ file }) => `Img/${file}`),
    )
  },
}

/** Rows of annotations over twelve images: five references, each with eight rows of candidates. */
const annotations = (place: string) => {
  const names = numbers(1, 12).map((n) => `${n}.png`)
  const random = createRandom('annotations')
  const rows = numbers(1, 5).flatMap((reference) =>
    numbers(1, 8).map(() => {
      const others = [...random.permutation(12)].filter((at) => at !== reference - 1).slice(0, 3)
      return [`${reference}.png`, ...others.flatMap((at, i) => [names[at], String(i + 1)])].join(' ')
    }),
  )
  return miniature(`${place}/data`, { 'annotations.txt': `${rows.join('\n')}\n` }, names)
}

const SMALL = '{use: vit, imageSize: 16, patchSize: 8, dim: 16, depth: 2, heads: 2}'

async function open(file: string, overrides: Readonly<Record<string, string>>): Promise<Pipeline> {
  const loaded = await loadConfig(path.join(folder, file), {
    overrides: { threads: '1', ...overrides },
    defaults: DEFAULTS,
  })
  const registry = createRegistry(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli')))
  return createPipeline(loaded, registry, { encoderOfFile: (model) => ({ use: 'onnx', model }) })
}

/** Foresees and trains; the steps of a stage that are foreseen are those that are trained. */
async function run(file: string, overrides: Readonly<Record<string, string>>) {
  const pipeline = await open(file, overrides)
  try {
    const forecasts = await pipeline.forecast()
    for (const { estimate } of forecasts) {
      expect(estimate!.bytes).toBeGreaterThan(2 ** 26)
      for (const { count, secondsEach } of estimate!.parts) expect(count * secondsEach).toBeGreaterThan(0)
    }
    const results =
      pipeline.config.stages.length > 0 ? await pipeline.trainStages() : [{ ...(await pipeline.train()), name: 'run' }]
    return { forecasts, results, pipeline }
  } finally {
    await pipeline.dispose()
  }
}

describe("the papers' configs, in miniature", () => {
  it.each(['cub', 'cars', 'sop', 'in-shop'])('soft orthogonal proxies on %s', async (name) => {
    await layouts[name]!('soft-orthogonal-proxies')
    const { forecasts, results } = await run(`soft-orthogonal-proxies/${name}.lookalike.config.yaml`, {
      encoder: SMALL,
      'train.sampler.batchSize': '3',
      'train.epochs': '1',
      'train.headOnlyEpochs': '0',
      'train.workers': '0',
    })
    expect(forecasts[0]!.estimate!.parts).toMatchObject([
      { name: 'training', unit: 'step', count: results[0]!.metrics['steps'] },
    ])
  })

  it('is foreseen by the command, which writes nothing', async () => {
    await layouts['cub']!('soft-orthogonal-proxies')
    const { code, stdout, stderr } = await runCli(
      [
        'train',
        '--config',
        'cub.lookalike.config.yaml',
        '--estimate',
        `--encoder=${SMALL}`,
        '--train.sampler.batchSize=4',
        '--runs=./foreseen',
      ],
      { cwd: path.join(folder, 'soft-orthogonal-proxies') },
    )
    expect(code, stderr).toBe(0)
    // Eight images are two batches of four, in 60 epochs.
    expect(stdout).toMatch(/^cub +training +120 steps/m)
    expect(stdout).toMatch(/About .* on this machine as it is now, and [\d.]+ GiB of memory. Nothing was trained./)
    expect(existsSync(path.join(folder, 'soft-orthogonal-proxies/foreseen'))).toBe(false)
  })

  it.each([
    ['sop', 16, {}],
    ['in-shop', 16, {}],
    ['cub', 8, {}],
    // The miniature of cars has three photographs to train on, too few for batches: the birds stand in.
    ['cars', 8, { dataset: '{use: cub-200-2011, root: ./data/CUB_200_2011}' }],
  ])(
    'STIR on %s: as stacked images, from the hardest pairs',
    async (name, images, overrides: Record<string, string>) => {
      await layouts[name === 'cars' ? 'cub' : name]!('stir')
      const { forecasts, results } = await run(`stir/${name}.lookalike.config.yaml`, {
        ...overrides,
        'stages.encoder.encoder': SMALL,
        'stages.encoder.train.sampler.labels': '4',
        'stages.encoder.train.sampler.instances': '2',
        'stages.encoder.train.epochs': '1',
        'stages.encoder.train.workers': '0',
        'stages.pair.train.labels': '4',
        'stages.pair.train.instances': '2',
        'stages.pair.train.headEpochs': '1',
        'stages.pair.train.epochs': '1',
        'stages.pair.train.chunk': '4',
      })
      expect(results.map(({ artefact }) => artefact)).toEqual(['model.onnx', 'pair.onnx'])
      // The second stage is foreseen with the encoder that the first one starts from.
      expect(forecasts[1]!.note).toContain('starts from')
      expect(forecasts[1]!.estimate!.parts.map(({ name, count }) => [name, count])).toEqual([
        ['embedding', images],
        ['training of the head', 2 * images],
        ['training', 2 * images],
      ])
    },
  )

  it('context ensemble: low-rank changes, one context a reference', async () => {
    await annotations('context-ensemble')
    const { results } = await run('context-ensemble/lookalike.config.yaml', {
      encoder: SMALL,
      'dataset.validation': '0.4',
      'dataset.test': '0.2',
      'train.epochs': '1',
      'train.weights.encoder': SMALL,
      'train.weights.components': '2',
    })
    expect(results[0]!.artefact).toBe('ensemble.json')
  })

  it.each(['cub', 'cars', 'sop', 'in-shop'])('cross-model on %s', async (name) => {
    await layouts[name]!('cross-model')
    const { forecasts, results } = await run(`cross-model/${name}.lookalike.config.yaml`, {
      ...Object.fromEntries(
        ['light', 'deit', 'dino'].flatMap((stage) => [
          [`stages.${stage}.encoder`, SMALL],
          [`stages.${stage}.train.sampler.batchSize`, '2'],
          [`stages.${stage}.train.epochs`, '1'],
          [`stages.${stage}.train.head.dim`, '8'],
          [`stages.${stage}.train.headOnlyEpochs`, '0'],
          [`stages.${stage}.train.workers`, '0'],
        ]),
      ),
      'stages.transforms.train.transform': '{kind: procrustes}',
      'stages.transforms.train.useLabels': 'false',
    })
    expect(results.at(-1)!.artefact).toBe('cross-model.json')
    expect(forecasts.at(-1)!.note).toContain('not foreseen')
  })
})
