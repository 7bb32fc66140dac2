/**
 * Training and applying transforms: seconds for 100,000 pairs of 768 dimensions, and images a second through 1, 2, 4 and 8 of them with mean and uncertainty.
 * Against the same in PyTorch where python3 has it, in turns. Of a learned transform an epoch is timed; it stops by itself after some.
 *
 *     npx turbo run build --filter=@lookalike/asymmetric && node bench/asymmetric.mjs [--rows 100000] [--dim 768] [--members 1,2,4,8] [--only procrustes,linear,epoch,apply] [--threads 2]
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { combineMembers, createTransformer, fitTransform, pairwiseUncertainty } from '@lookalike/asymmetric'
import { classVectors, firstRows, median, rounded } from './lib/vectors.mjs'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    dim: { type: 'string', default: '768' },
    members: { type: 'string', default: '1,2,4,8' },
    only: { type: 'string', default: 'procrustes,linear,epoch,apply' },
    threads: { type: 'string', default: '2' },
  },
})
const [rows, dim, threads] = [values.rows, values.dim, values.threads].map(Number)
const only = values.only.split(',')
/** Images that go through the transforms at a time, and how often that is measured. */
const APPLIED = 8192
const REPEATS = 5

/** PyTorch in a process of its own that answers one line a question; undefined where there is none. */
async function startTorch() {
  const child = spawn(
    'python3',
    [fileURLToPath(new URL('asymmetric.py', import.meta.url)), String(rows), String(dim), String(threads)],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  child.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done) return undefined
  return {
    version: first.value,
    async seconds(question) {
      child.stdin.write(`${question}\n`)
      return Number((await lines.next()).value)
    },
    stop: () => child.stdin.end(),
  }
}

const torch = await startTorch()
const from = classVectors({ rows, dim, perClass: 10, seed: 1 })
const to = classVectors({ rows, dim, perClass: 10, seed: 2 })
const pairs = { from: from.data, inputDim: dim, to: to.data, outputDim: dim, rows }
console.log(
  `${rows.toLocaleString('en')} x ${dim}, ${threads} threads; PyTorch: ${torch?.version ?? 'not installed'}\n`,
)
console.log('| work | Lookalike | PyTorch | PyTorch / Lookalike |\n| --- | --- | --- | --- |')

async function timed(work) {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}
const line = (name, ours, theirs, text) =>
  console.log(
    `| ${name} | ${text(ours)} | ${theirs === undefined ? '-' : text(theirs)} | ${theirs === undefined ? '-' : (theirs / ours).toFixed(2)} |`,
  )
const seconds = (value) => `${rounded(value)} s`

if (only.includes('procrustes'))
  line(
    'Procrustes',
    await timed(() => fitTransform(pairs, { kind: 'procrustes' }, { seed: 0, threads })),
    await torch?.seconds('procrustes'),
    seconds,
  )
if (only.includes('linear'))
  line(
    'least squares',
    await timed(() => fitTransform(pairs, { kind: 'linear' }, { seed: 0, threads })),
    await torch?.seconds('linear'),
    seconds,
  )
if (only.includes('epoch')) {
  const ends = []
  const whole = await timed(() =>
    fitTransform(
      pairs,
      { kind: 'residual-bottleneck', epochs: 2 },
      { seed: 0, threads, onProgress: () => ends.push(performance.now()) },
    ),
  )
  line('residual bottleneck, an epoch', (ends[1] - ends[0]) / 1000, await torch?.seconds('epoch'), seconds)
  console.log(`| residual bottleneck, start and two epochs | ${seconds(whole)} | | |`)
}
if (only.includes('apply')) {
  const small = firstRows(from, Math.min(rows, APPLIED))
  const { transform } = await fitTransform(
    { ...pairs, from: small.data, to: to.data.subarray(0, small.data.length), rows: small.rows },
    { kind: 'residual-bottleneck', front: 'when-needed', epochs: 1 },
    { seed: 0, threads },
  )
  for (const count of values.members.split(',').map(Number)) {
    const transformers = []
    for (let k = 0; k < count; k++) transformers.push(await createTransformer(transform, { threads }))
    const ours = []
    const theirs = []
    for (let i = 0; i < REPEATS; i++) {
      ours.push(
        await timed(async () => {
          const mapped = []
          for (const transformer of transformers) mapped.push(await transformer.apply(small.data))
          combineMembers(mapped, dim, 'mean')
          pairwiseUncertainty(mapped, dim)
        }),
      )
      if (torch) theirs.push(await torch.seconds(`apply ${count} ${small.rows}`))
    }
    for (const transformer of transformers) await transformer.dispose()
    line(
      `residual bottleneck, N = ${count}: transform, mean, uncertainty`,
      median(ours),
      torch && median(theirs),
      (value) => `${Math.round(small.rows / value).toLocaleString('en')} images/s`,
    )
  }
}
torch?.stop()
