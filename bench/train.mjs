// Whole training steps (images loaded and augmented ahead, forward, Proxy Anchor, backward, AdamW) of two vision transformers, against PyTorch's
// forward, loss, backward and AdamW on ready tensors, where python3 has it. They take turns, so that a busy machine slows both; figures are
// medians. The processor's time of all threads is given beside the clock's: other work on the machine disturbs it less.
// Then peak memory against batch size, with gradient caching and without.
//   npx turbo run build --filter=@lookalike/losses --filter=@lookalike/encoders && node bench/train.mjs [--rounds 3] [--only speed,memory] [--cases 64,4,32] [--threads 2] [--batches 16,64,256]
// `--cases` picks by batch size: they take a minute or two each.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { proxyAnchor } from '@lookalike/losses'
import { float32 } from '@lookalike/onnx'
import { createBatchLoader, createOptimizer, createTrainableModel, flip, randomResizedCrop } from '@lookalike/train'
import sharp from 'sharp'
import { median, rounded } from './lib/vectors.mjs'

const CLASSES = 100
const tiny = { name: 'ViT-Ti/8 at 64 px', imageSize: 64, patchSize: 8, dim: 192, depth: 12, heads: 3 }
const small = { name: 'ViT-S/16 at 224 px', imageSize: 224, patchSize: 16, dim: 384, depth: 12, heads: 6 }
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'speed,memory' },
    cases: { type: 'string', default: '64,4,32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    batches: { type: 'string', default: '16,32,64,128,256' },
    measure: { type: 'string' },
  },
})

if (values.measure) {
  // In a process of its own: the highest memory of a process never falls.
  const { batch, chunk } = JSON.parse(values.measure)
  const training = await openTraining(tiny, batch, chunk)
  for (let i = 0; i < 2; i++) await training.step()
  await training.dispose()
  console.log(Math.round(process.resourceUsage().maxRSS / 1024))
} else {
  const figures = {}
  if (values.only.includes('speed')) figures.speed = await measureSpeed(Number(values.rounds))
  if (values.only.includes('memory')) figures.memory = measureMemory()
  console.log(JSON.stringify({ bench: 'train', ...figures }))
}

async function measureSpeed(rounds) {
  const rows = []
  for (const { network, batch, chunk } of [
    { network: tiny, batch: 64, chunk: 64 },
    { network: small, batch: 4, chunk: 4 },
    { network: small, batch: 32, chunk: 32 },
  ].filter(({ batch }) => values.cases.split(',').includes(String(batch)))) {
    const ours = await openTraining(network, batch, chunk)
    const torch = await openTorch(network, batch)
    const steps = []
    const peer = []
    for (let round = -1; round <= rounds; round++) {
      const before = process.cpuUsage()
      const split = await ours.step()
      const { user, system } = process.cpuUsage(before)
      const theirs = torch && (await torch.step())
      // The first two rounds warm up: memory is first touched in them.
      if (round > 0) {
        steps.push({ ...split, cpu: (user + system) / 1e6 })
        if (theirs) peer.push(theirs)
      }
    }
    torch?.stop()
    await ours.dispose()
    const middle = (from, name) => median(from.map((step) => step[name]))
    const part = (name) => rounded(middle(steps, name))
    rows.push({
      network: network.name,
      batch,
      chunk,
      'img/s': rounded(batch / middle(steps, 'total')),
      ...(torch && {
        [`torch ${torch.version}`]: rounded(batch / middle(peer, 'total')),
        'faster by': rounded(middle(peer, 'total') / middle(steps, 'total')),
        'CPU s': part('cpu'),
        'torch CPU s': rounded(middle(peer, 'cpu')),
        'less CPU by': rounded(middle(peer, 'cpu') / middle(steps, 'cpu')),
      }),
      'load s': part('load'),
      'forward s': part('forward'),
      'loss s': part('loss'),
      'backward s': part('backward'),
      'update s': part('update'),
    })
    console.error(JSON.stringify(rows.at(-1)))
  }
  console.table(rows)
  return rows
}

function measureMemory() {
  const peak = (batch, chunk) =>
    Number(
      spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), '--threads', values.threads, '--measure', JSON.stringify({ batch, chunk })],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      ).stdout,
    )
  const rows = values.batches
    .split(',')
    .map(Number)
    .map((batch) => ({
      network: tiny.name,
      batch,
      'MB in chunks of 16': peak(batch, 16),
      ...(batch <= 64 && { 'MB in one': peak(batch, batch) }),
    }))
  console.table(rows)
  return rows
}

/** A training run without its log: one step a call, with the seconds of its parts. */
async function openTraining(network, batch, chunk) {
  const { imageSize, dim } = network
  const folder = await mkdtemp(join(tmpdir(), 'bench-train-'))
  const images = await writePhotographs(folder, Math.min(64, Math.max(16, batch)), imageSize * 2)
  const labels = Int32Array.from(images, (_image, i) => i % CLASSES)
  const loader = await createBatchLoader({
    images,
    labels,
    augmentations: [randomResizedCrop(), flip()],
    origins: [
      { ref: 'random-resized-crop', url: import.meta.resolve('@lookalike/train') },
      { ref: 'flip', url: import.meta.resolve('@lookalike/train') },
    ],
    // No memory: every image is decoded each time.
    preprocessing: preprocessing(imageSize),
    edge: 2 * imageSize,
    seed: 0,
    memory: 0,
    workers: 1,
    onCorrupt: 'fail',
  })
  const random = createRandom(0)
  const batches = Array.from({ length: 64 }, () =>
    Int32Array.from({ length: batch }, () => random.integer(images.length)),
  )
  const loaded = loader.epoch(0, batches, 0)
  const model = createTrainableModel(buildVit(network), { chunk, threads: Number(values.threads) })
  const loss = await proxyAnchor().bind({ dim, classes: CLASSES, seed: 0 })
  const optimizer = createOptimizer([...model.parameters, ...loss.parameters], { learningRate: 1e-4 })
  let count = 0
  return {
    async step() {
      const begin = performance.now()
      const { positions, pixels } = (await loaded.next()).value
      const load = performance.now() - begin
      const { result, gradients, times } = await model.step(
        { pixel_values: float32(pixels, [batch, 3, imageSize, imageSize]) },
        async ({ embedding }) => {
          const output = await loss.compute({
            embeddings: embedding.data,
            rows: batch,
            dim,
            labels: positions.map((position) => labels[position]),
            step: count,
            totalSteps: 64,
          })
          return { gradients: { embedding: output.gradients.embeddings }, result: output }
        },
      )
      const before = performance.now()
      optimizer.step(new Map([...gradients, ...Object.entries(result.gradients.parameters)]))
      count++
      const update = performance.now() - before
      const seconds = { load, ...times, update, total: performance.now() - begin }
      return Object.fromEntries(Object.entries(seconds).map(([part, value]) => [part, value / 1000]))
    },
    async dispose() {
      loss.dispose()
      await loader.dispose()
      await model.dispose()
      await rm(folder, { recursive: true })
    },
  }
}

/** JPEG files of blurred noise. */
async function writePhotographs(folder, count, edge) {
  const random = createRandom('bench/train')
  const images = []
  for (let i = 0; i < count; i++) {
    const coarse = Buffer.from(Uint8Array.from({ length: 20 * 20 * 3 }, () => random.integer(256)))
    const source = join(folder, `${i}.jpg`)
    await sharp(coarse, { raw: { width: 20, height: 20, channels: 3 } })
      .resize(edge, edge, { kernel: 'cubic' })
      .jpeg({ quality: 88 })
      .toFile(source)
    images.push({ source })
  }
  return images
}

function preprocessing(edge) {
  return {
    resize: { mode: 'shortest-edge', size: edge },
    crop: { width: edge, height: edge },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    channels: 'rgb',
    layout: 'nchw',
  }
}

async function openTorch({ imageSize, patchSize, dim, depth, heads }, batch) {
  const script = fileURLToPath(new URL('train.py', import.meta.url))
  const child = spawn('python3', [script, ...[batch, imageSize, patchSize, dim, depth, heads, CLASSES].map(String)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, OMP_NUM_THREADS: values.threads },
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const hello = await lines.next()
  if (hello.done) return undefined
  return {
    version: hello.value,
    async step() {
      child.stdin.write('step\n')
      const [total, cpu] = (await lines.next()).value.split(' ').map(Number)
      return { total, cpu }
    },
    stop: () => child.stdin.end(),
  }
}
