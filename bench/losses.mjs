// A step (value and all gradients) of each loss, against PyTorch on the same CPU in the same run where python3 has it.
// PYTHON names another interpreter. Debian's PyTorch multiplies matrices twenty times faster once libopenblas0-pthread is installed.
//   npx turbo run build --filter=@lookalike/losses && node bench/losses.mjs [repeats] [one number of classes, or more, with commas]
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as losses from '@lookalike/losses'

const repeats = Number(process.argv[2] ?? 9)
const wanted = process.argv[3]?.split(',').map(Number)
const WARM_UP = 2
/** Milliseconds. */
const PAUSE = 40
const SIZES = [
  [128, 128, 821],
  [256, 384, 821],
  [180, 512, 11_318],
].filter(([, , classes]) => !wanted || wanted.includes(classes))
const proxyLosses = {
  'proxy-anchor': losses.proxyAnchor(),
  'proxy-anchor, orthogonal': losses.proxyAnchor({ orthogonality: {} }),
  arcface: losses.arcface(),
  cosface: losses.cosface(),
  'proxy-nca-pp': losses.proxyNcaPp(),
  'soft-triple': losses.softTriple(),
}
const pairLosses = {
  'triplet hard': losses.triplet(),
  'triplet all': losses.triplet({ mining: 'all' }),
  contrastive: losses.contrastive(),
  'multi-similarity': losses.multiSimilarity({ epsilon: null }),
  'nt-xent': losses.ntXent(),
  'sup-con': losses.supCon(),
  circle: losses.circle(),
}

/** PyTorch in a process of its own that answers one line a question; undefined where there is none. */
async function startTorch() {
  const child = spawn('python3', [fileURLToPath(new URL('losses.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next().catch(() => ({ done: true }))
  if (first.done) return undefined
  return {
    version: first.value,
    async step(name, size) {
      child.stdin.write(`${[name, ...size].join('\t')}\n`)
      return Number((await lines.next()).value)
    },
    stop: () => child.stdin.end(),
  }
}

async function start(unbound, [rows, dim, classes]) {
  const loss = await unbound.bind({ dim, classes, seed: 1 })
  const input = {
    embeddings: Float32Array.from({ length: rows * dim }, () => Math.random() - 0.5),
    rows,
    dim,
    labels: Int32Array.from({ length: rows }, (_, row) => (Math.floor(row / 4) * 7) % classes),
    totalSteps: 100,
  }
  return async (step) => {
    const begin = performance.now()
    await loss.compute({ ...input, step })
    return performance.now() - begin
  }
}

function summarise(times) {
  const sorted = times.slice(WARM_UP).sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)], best: sorted[0] }
}

const torch = await startTorch()
const { products, tensorflow } = await losses.describeBackend()
console.log(
  `products: ${products}; tensorflow: ${tensorflow}; PyTorch: ${torch?.version ?? 'not installed'}; milliseconds a step, median (best) of ${repeats}\n`,
)
console.log('| loss | batch x dim, classes | Lookalike | PyTorch | PyTorch / Lookalike |')
console.log('| --- | --- | --- | --- | --- |')
const text = ({ median, best }) => `${median.toFixed(1)} (${best.toFixed(1)})`
for (const size of SIZES) {
  const [rows, dim, classes] = size
  const all = classes > 1000 ? proxyLosses : { ...proxyLosses, ...pairLosses }
  for (const [name, unbound] of Object.entries(all)) {
    // Ten centres a class of 11,318 are 232 MB of proxies.
    if (name === 'soft-triple' && classes > 1000) continue
    const run = await start(unbound, size)
    const own = []
    const other = []
    // They take turns, so that a busy machine slows both; the pauses let the other's waiting threads fall asleep.
    for (let step = 1; step <= repeats + WARM_UP; step++) {
      await setTimeout(PAUSE)
      own.push(await run(step))
      await setTimeout(PAUSE)
      if (torch) other.push(await torch.step(name, size))
    }
    const ours = summarise(own)
    const theirs = torch && summarise(other)
    const ratio = theirs ? (theirs.median / ours.median).toFixed(2) : '-'
    console.log(
      `| ${name} | ${rows} x ${dim}, ${classes} | ${text(ours)} | ${theirs ? text(theirs) : '-'} | ${ratio} |`,
    )
  }
}
torch?.stop()
