/**
 * Asymmetric search on the emoji benchmark: a light query model, three gallery models, and everything that the ensemble has to beat, as `train` and
 * `evaluate` give it, for gallery models that differ by seed, by data, and by data and architecture. Prints the mean and the standard deviation over
 * seeds. The models come from bench/asymmetric-models.mjs.
 *
 *     npx turbo run build && node bench/asymmetric-models.mjs && node bench/asymmetric-emoji.mjs [--seeds 0,1,2] [--diversity 'seed,data,data + architecture']
 *         [--split test] [--transform '{"kind":"procrustes"}'] [--weighting mean] [--similarity cosine,likelihood] [--runs bench/runs] [--cache examples/.lookalike] [--threads 2]
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRegistry } from '@lookalike/core'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { distilled, galleryModels, model } from './lib/asymmetric-models.mjs'
import { shown } from './lib/seeds.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0,1,2' },
    diversity: { type: 'string', default: 'seed,data,data + architecture' },
    split: { type: 'string', default: 'test' },
    transform: { type: 'string' },
    weighting: { type: 'string', default: 'mean' },
    similarity: { type: 'string', default: 'cosine,likelihood' },
    runs: { type: 'string', default: 'bench/runs' },
    cache: { type: 'string', default: 'examples/.lookalike' },
    threads: { type: 'string', default: '2' },
  },
})
const similarities = values.similarity.split(',')
const folder = process.cwd()
const registry = createRegistry(
  await loadPlugins(
    ['train', 'encoders', 'losses', 'gallery', 'datasets', 'asymmetric'].map((name) => `@lookalike/${name}`),
    import.meta.dirname,
  ),
)
const onnx = (name) => ({ use: 'onnx', model: path.join(path.resolve(values.runs), name, 'model.onnx') })
const trained = (name) => existsSync(onnx(name).model)

async function withPipeline(name, seed, rest, use) {
  const config = {
    name,
    seed,
    encoder: 'mini',
    index: 'exact',
    images: { onCorrupt: 'fail' },
    cache: values.cache,
    runs: values.runs,
    threads: Number(values.threads),
    dataset: { use: 'emoji', validation: 0.1 },
    evaluate: { split: values.split, ks: [1], metrics: ['recall', 'map@r'], baselines: true, reporters: [] },
    ...rest,
  }
  const pipeline = await createPipeline(defaultConfig(folder, { overrides: config }), registry, {
    onWarning: ({ message }) => console.error(message),
  })
  try {
    return await use(pipeline)
  } finally {
    await pipeline.dispose()
  }
}

/** The rows of one seed and one kind of diversity for each similarity, with what rejecting a tenth of the gallery does. */
async function measure(diversity, seed) {
  const name = `asymmetric-${diversity.replaceAll(' + ', '-')}-s${seed}`
  const members = galleryModels(diversity, seed).map((entry, i) => ({ name: 'abc'[i], encoder: onnx(entry.name) }))
  const train = {
    use: 'cross-model',
    query: onnx(model('light', undefined, seed).name),
    members,
    ...(values.transform && { transform: JSON.parse(values.transform) }),
  }
  await withPipeline(name, seed, { train }, (pipeline) => pipeline.train({ overwrite: true }))
  const taught = distilled(seed).name
  const combiner = {
    use: 'cross-model',
    folder: path.join(values.runs, name),
    weighting: values.weighting,
    ...(trained(taught) && { distilled: onnx(taught) }),
  }
  const runs = []
  for (const similarity of similarities) runs.push(await evaluate(name, seed, { ...combiner, similarity }))
  return runs
}

function evaluate(name, seed, combiner) {
  return withPipeline(name, seed, { combiner }, async (pipeline) => {
    const result = await pipeline.evaluate()
    const { risk, randomRisk, oracleRisk, strictRisk, randomStrictRisk, aurc, randomAurc, oracleAurc, coverage } =
      result.rejection
    const at = coverage.findIndex((value) => Math.abs(value - 0.9) < 1e-9)
    return {
      rows: result.comparison,
      cut: {
        own: cutOf(risk, at),
        random: cutOf(randomRisk, at),
        oracle: cutOf(oracleRisk, at),
        strict: cutOf(strictRisk, at),
        randomStrict: cutOf(randomStrictRisk, at),
        aurc,
        randomAurc,
        oracleAurc,
      },
    }
  })
}

const cutOf = (risk, at) => (100 * (risk[0] - risk[at])) / risk[0]

for (const diversity of values.diversity.split(',')) {
  const seeds = values.seeds
    .split(',')
    .map(Number)
    .filter((seed) =>
      [model('light', undefined, seed), ...galleryModels(diversity, seed)].every(({ name }) => trained(name)),
    )
  if (seeds.length === 0) continue
  const bySeed = []
  for (const seed of seeds) bySeed.push(await measure(diversity, seed))
  for (const [i, similarity] of similarities.entries())
    print(
      diversity,
      seeds,
      similarity,
      bySeed.map((runs) => runs[i]),
    )
}

function print(diversity, seeds, similarity, runs) {
  console.log(
    `\n${diversity}, seeds ${seeds.join(', ')}, split ${values.split}, ${similarity}\n\n| row | R@1 | MAP@R | ms a query |\n| --- | --- | --- | --- |`,
  )
  for (const { name } of runs[0].rows) {
    const rows = runs.flatMap(({ rows: all }) => all.filter((row) => row.name === name))
    const percent = (metric) =>
      shown(
        rows.map(({ metrics }) => 100 * metrics[metric]),
        1,
      )
    console.log(
      `| ${name} | ${percent('recall@1')} | ${percent('map@r')} | ${shown(
        rows.map((row) => row.encodingMilliseconds + row.searchMilliseconds),
        1,
      )} |`,
    )
  }
  const cut = (which, digits = 1) =>
    shown(
      runs.map((run) => run.cut[which]),
      digits,
    )
  console.log(
    `\nRejecting 10 %: error cut by ${cut('own')} % (random ${cut('random')}, oracle ${cut('oracle')}), with queries without an answer as errors by ${cut('strict')} % (random ${cut('randomStrict')}); AURC ${cut('aurc', 4)} (random ${cut('randomAurc', 4)}, oracle ${cut('oracleAurc', 4)})`,
  )
}
