/**
 * What `fuseAttention` saves: a network as it is against the same with fused attention, both in onnxruntime, taking turns. Medians over the
 * rounds of processor time and time by the clock, milliseconds for each image, and the largest difference of the outputs relative to the
 * largest output.
 *
 *     node bench/fuse-attention.mjs [--rounds 15] [--threads N] [--batch 1,8] [--file model.onnx --size 224]
 *
 * Without `--file`: vision transformers of random weights in three sizes. `fuse-attention.py` makes files of other networks.
 */
import { parseArgs } from 'node:util'
import { createRandom } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { createSession, float32, fuseAttention, loadModel, probe } from '@lookalike/onnx'
import { measured } from './lib/measured.mjs'
import { median, rounded } from './lib/vectors.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    threads: { type: 'string' },
    batch: { type: 'string', default: '1,8' },
    file: { type: 'string' },
    size: { type: 'string', default: '224' },
  },
})
const vit = (patchSize, dim, heads) => buildVit({ imageSize: 224, patchSize, dim, depth: 12, heads, pooling: 'none' })
const models = options.file
  ? { [options.file]: () => loadModel(options.file) }
  : { 'ViT-Ti/16': () => vit(16, 192, 3), 'ViT-S/16': () => vit(16, 384, 6), 'ViT-B/32': () => vit(32, 768, 12) }
const random = createRandom('bench/fuse-attention')

for (const [name, open] of Object.entries(models)) {
  const model = await open()
  const input = model.graph.inputs[0].name
  const size = Number(options.size)
  const images = (count) => ({
    [input]: float32(
      Float32Array.from({ length: count * 3 * size ** 2 }, () => random.normal()),
      [count, 3, size, size],
    ),
  })
  const started = performance.now()
  const fused = await fuseAttention(model, await probe(model, images(2)))
  const fusing = performance.now() - started
  const settings = options.threads ? { threads: Number(options.threads) } : {}
  const sessions = { plain: await createSession(model, settings), fused: await createSession(fused, settings) }
  for (const batch of options.batch.split(',').map(Number)) {
    const feeds = images(batch)
    const [expected, found] = [await sessions.plain.run(feeds), await sessions.fused.run(feeds)].map(
      (results) => Object.values(results)[0].data,
    )
    const taken = { plain: [], fused: [] }
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const [form, session] of Object.entries(sessions))
        taken[form].push(await measured(() => session.run(feeds), batch))
    }
    const of = (what) =>
      Object.fromEntries(Object.entries(taken).map(([form, runs]) => [form, rounded(median(runs.map(what)))]))
    console.log(
      JSON.stringify({
        model: name,
        attentions: fused.graph.nodes.filter(({ op }) => op.endsWith('Attention')).length,
        batch,
        processor: of(({ cpu }) => cpu),
        wall: of(({ wall }) => wall),
        times: { processor: ratio(taken, ({ cpu }) => cpu), wall: ratio(taken, ({ wall }) => wall) },
        difference: largest(found.map((value, i) => value - expected[i])) / largest(expected),
        fusingMilliseconds: Math.round(fusing),
      }),
    )
  }
  for (const session of Object.values(sessions)) await session.dispose()
}

function ratio({ plain, fused }, what) {
  return rounded(median(plain.map((run, round) => what(run) / what(fused[round]))))
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
