// Forward, and forward with backward, of two vision transformers: @lookalike/onnx in onnxruntime-node against PyTorch on the same
// architecture, where python3 has it. They take turns, so that a busy machine slows both; the figures are medians.
//   npx turbo run build --filter=@lookalike/encoders && node bench/onnx-gradients.mjs [rounds]
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { createSession, differentiate, float32 } from '@lookalike/onnx'
import { median, rounded } from './lib/vectors.mjs'

const rounds = Number(process.argv[2] ?? 5)
const networks = [
  { name: 'ViT-Ti/8 at 64 px', batch: 64, imageSize: 64, patchSize: 8, dim: 192, depth: 12, heads: 3 },
  { name: 'ViT-S/16 at 224 px', batch: 4, imageSize: 224, patchSize: 16, dim: 384, depth: 12, heads: 6 },
]

const results = []
for (const { name, batch, ...shape } of networks) {
  const ours = await openOurs(batch, shape)
  const torch = await openTorch(batch, shape)
  const seconds = { forward: [], both: [], torchForward: [], torchBoth: [] }
  for (let round = 0; round <= rounds; round++) {
    const spent = {
      forward: await timed(ours.forward),
      both: await timed(ours.both),
      ...(torch && { torchForward: await torch.time('forward'), torchBoth: await torch.time('both') }),
    }
    // The first round warms up.
    if (round > 0) for (const [kind, value] of Object.entries(spent)) seconds[kind].push(value)
  }
  torch?.stop()
  await ours.dispose()
  const rate = (kind) => (seconds[kind].length ? batch / median(seconds[kind]) : undefined)
  for (const [pass, kind, peer] of [
    ['forward', 'forward', 'torchForward'],
    ['forward + backward', 'both', 'torchBoth'],
  ]) {
    results.push({
      network: name,
      batch,
      pass,
      'img/s': rounded(rate(kind)),
      ...(torch && { [`torch ${torch.version}`]: rounded(rate(peer)), 'faster by': rounded(rate(kind) / rate(peer)) }),
    })
  }
}
console.table(results)
console.log(JSON.stringify({ bench: 'onnx-gradients', rounds, results }))

async function openOurs(batch, { imageSize, ...shape }) {
  const model = buildVit({ imageSize, ...shape, normalise: false })
  const random = createRandom(1)
  const noise = (dims) =>
    float32(
      Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal()),
      dims,
    )
  const pixels = { pixel_values: noise([batch, 3, imageSize, imageSize]) }
  const gradient = await differentiate(model, { example: pixels })
  const forward = await createSession(model)
  // Idle threads of one session must not spin while the other one works.
  const both = await createSession(gradient.model, { spinning: false })
  const feeds = {
    ...pixels,
    ...Object.fromEntries(gradient.weights),
    [gradient.outputGradients.embedding]: noise([batch, shape.dim]),
  }
  return {
    forward: () => forward.run(pixels),
    both: () => both.run(feeds),
    dispose: () => Promise.all([forward.dispose(), both.dispose()]),
  }
}

async function openTorch(batch, { imageSize, patchSize, dim, depth, heads }) {
  const script = fileURLToPath(new URL('onnx-gradients.py', import.meta.url))
  const child = spawn('python3', [script, ...[batch, imageSize, patchSize, dim, depth, heads].map(String)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const hello = await lines.next()
  if (hello.done) return undefined
  return {
    version: hello.value,
    async time(kind) {
      child.stdin.write(`${kind}\n`)
      return Number((await lines.next()).value)
    },
    stop: () => child.stdin.end(),
  }
}

async function timed(work) {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1000
}
