/**
 * examples/soft-orthogonal-proxies over seeds, with and without the term: trains the first network once and fine-tunes it, measures the test classes,
 * prints mean and standard deviation, and draws the proxies' largest cosine over training.
 *
 *     node bench/soft-orthogonal-proxies.mjs [--seeds 0,1,2] [--lambdas 0,100] [--runs bench/runs] [--svg packages/losses/largest-cosine-transformer.svg]
 *         [--threads 2] [--train.epochs=4 ...]
 *
 * What is left over goes to the fine-tuning's `lookalike train`. A run that is finished is not repeated.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { drawCurves } from './lib/draw-curves.mjs'
import { mean, shown } from './lib/seeds.mjs'

const root = path.dirname(import.meta.dirname)
const { values, tokens } = parseArgs({
  strict: false,
  tokens: true,
  options: {
    seeds: { type: 'string', default: '0,1,2' },
    lambdas: { type: 'string', default: '0,100' },
    runs: { type: 'string', default: path.join(root, 'bench/runs') },
    svg: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
})
const overrides = tokens
  .filter(({ kind, name }) => kind === 'option' && name.startsWith('train.'))
  .map(({ name, value }) => `--stages.tuned.${name}=${value}`)
const runs = path.resolve(values.runs)
const seeds = values.seeds.split(',').map(Number)

function lookalike(command, ...options) {
  const config = path.join(root, 'examples/soft-orthogonal-proxies')
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      path.join(root, 'apps/cli/dist/main.js'),
      command,
      '--config',
      config,
      `--runs=${runs}`,
      `--threads=${values.threads}`,
      '--json',
      ...options,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  if (status !== 0) process.exit(status ?? 1)
  return JSON.parse(stdout)
}

/** The first network, once it is trained: the same for all. */
let first

function once(lambda, seed) {
  const name = `proxies-${lambda}-${seed}`
  const pretrained = path.join(runs, name, 'pretrained')
  if (first && !existsSync(pretrained)) cpSync(first, pretrained, { recursive: true })
  const file = path.join(runs, name, 'test.json')
  if (!existsSync(file)) {
    const { evaluation } = lookalike(
      'train',
      `--name=${name}`,
      `--stages.tuned.seed=${seed}`,
      `--stages.tuned.train.loss.orthogonality.lambda=${lambda}`,
      ...overrides,
      '--resume',
    )
    writeFileSync(file, JSON.stringify(evaluation.stages[0].metrics))
  }
  first ??= pretrained
  const log = readFileSync(path.join(runs, name, 'tuned/log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const [began, ended] = [log[0], log.at(-1)].map(({ time }) => Date.parse(time))
  const curve = log.flatMap((line) =>
    typeof line['soft-orthogonality/largest-cosine'] === 'number'
      ? [[line.step, line['soft-orthogonality/largest-cosine']]]
      : [],
  )
  return { metrics: JSON.parse(readFileSync(file, 'utf8')), seconds: (ended - began) / 1000, curve }
}

const percent = (list) =>
  shown(
    list.map((value) => 100 * value),
    1,
  )

const curves = []
for (const lambda of values.lambdas.split(',')) {
  const results = seeds.map((seed) => once(lambda, seed))
  const of = (name) => results.map(({ metrics }) => metrics[name])
  const last = results.map(({ curve }) => curve.at(-1)[1])
  console.log(
    `lambda ${lambda} | R@1 ${percent(of('recall@1'))} | MAP@R ${percent(of('map@r'))} | largest cosine at the end ${shown(last, 3)} | ${mean(results.map(({ seconds }) => seconds)).toFixed(0)} s | R@1 by seed ${of(
      'recall@1',
    )
      .map((one) => (100 * one).toFixed(1))
      .join(' ')}`,
  )
  curves.push({
    label: lambda === '0' ? 'Proxy Anchor' : `with Soft Orthogonality, λ = ${lambda}`,
    lines: results.map(({ curve }) => curve),
  })
}
const untuned = lookalike('evaluate', `--model=${path.join(first, 'model.onnx')}`, '--name=pretrained-test').stages[0]
  .metrics
console.log(`before | R@1 ${percent([untuned['recall@1']])} | MAP@R ${percent([untuned['map@r']])}`)
if (values.svg) writeFileSync(values.svg, drawCurves(curves, { x: 'step', y: 'largest cosine of two proxies' }))
