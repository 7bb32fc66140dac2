// Makes the built-in encoder of two networks: one trained on photographs, and `mini`, trained on drawings. Both see each picture; their unit vectors stand
// side by side, weighted by how much the picture is a drawing, which a logistic regression on both vectors tells.
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '@lookalike/core'
import { loadEmoji } from '@lookalike/datasets'
import { createMiniEncoder, createOnnxEncoder } from '@lookalike/encoders'
import { embedImages } from '@lookalike/image'
import { createGraphBuilder, float32, loadModel, saveModel, toFull, toHalf, toInt8 } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const assets = path.join(root, 'packages', 'encoders', 'assets')

const USAGE = `node scripts/join-builtin.mjs --network FILE --photos DIR [--out FILE]

  --network FILE   the network for photographs, as ONNX: "network.onnx" of npm run train:builtin
  --photos DIR     photographs, in folders or not: with drawings of the emoji's training classes they teach what a drawing is
  --out FILE       default: where the package ships its weights
`

/** The weight of `mini`'s vector in a picture that is surely a drawing. */
const STRENGTH = 0.7
/** Pictures of each kind. */
const COUNT = 3000
const STEPS = 4000
const RATE = 20
const DECAY = 1e-4

const { values: given } = parseArgs({
  options: {
    network: { type: 'string' },
    photos: { type: 'string' },
    out: { type: 'string', default: path.join(assets, 'builtin.onnx') },
    help: { type: 'boolean', default: false },
  },
})
if (given.help || !given.network || !given.photos) {
  console[given.help ? 'log' : 'error'](USAGE)
  process.exit(given.help ? 0 : 1)
}

/** Some pictures of a folder, drawn by seed. */
async function photographs(folder) {
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`)
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort()
  if (files.length < 100) throw new Error(`${folder} holds ${files.length} photographs; expected 100 or more`)
  const order = createRandom(0).permutation(files.length).slice(0, COUNT)
  return Array.from(order, (at) => ({ source: path.join(folder, files[at]) }))
}

async function drawings() {
  const context = { folder: root, cacheFolder: path.join(root, 'runs', 'cache'), warn: () => {} }
  const { items } = await loadEmoji({ protocol: 'all', seed: 0, splits: ['train'] }, context)
  const order = createRandom(0).permutation(items.length).slice(0, COUNT)
  return Array.from(order, (at) => items[at])
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x))

/** Logistic regression by gradient descent: weights and bias that tell drawings (1) from photographs (0). */
function logistic(rows, labels) {
  const dim = rows[0].length
  const weights = new Float64Array(dim)
  let bias = 0
  for (let step = 0; step < STEPS; step++) {
    const slope = new Float64Array(dim)
    let lift = 0
    for (const [at, row] of rows.entries()) {
      let sum = bias
      for (let i = 0; i < dim; i++) sum += weights[i] * row[i]
      const off = (sigmoid(sum) - labels[at]) / rows.length
      for (let i = 0; i < dim; i++) slope[i] += off * row[i]
      lift += off
    }
    for (let i = 0; i < dim; i++) weights[i] -= RATE * (slope[i] + DECAY * weights[i])
    bias -= (RATE / 4) * lift
  }
  return { weights, bias }
}

const network = toFull(await loadModel(given.network))
const encoders = [await createOnnxEncoder({ name: 'photographs', model: given.network }), await createMiniEncoder()]
const [photos, drawn] = [await photographs(given.photos), await drawings()]
const pictures = [...photos, ...drawn]
const parts = []
for (const encoder of encoders) {
  const { embeddings, positions } = await embedImages(encoder, pictures)
  if (positions.length < pictures.length) throw new Error('Some pictures cannot be read.')
  parts.push(embeddings)
  await encoder.dispose()
}
const rows = pictures.map((_, row) =>
  Float32Array.from(parts.flatMap(({ data, dim }) => [...data.subarray(row * dim, (row + 1) * dim)])),
)
const labels = pictures.map((_, row) => (row < photos.length ? 0 : 1))
const { weights, bias } = logistic(rows, labels)
const right = rows.filter(
  (row, at) => row.reduce((sum, value, i) => sum + weights[i] * value, bias) > 0 === (labels[at] === 1),
)
console.log(`Drawings told from photographs: ${((100 * right.length) / rows.length).toFixed(1)} % right`)

const mini = toFull(await loadModel(path.join(assets, 'mini.onnx')))
const preprocessing = JSON.parse(network.metadata['lookalike.preprocessing'])
const { mean, std } = preprocessing
const its = JSON.parse(mini.metadata['lookalike.preprocessing'])

const g = createGraphBuilder({ opset: 21, name: 'builtin' })
const pixels = g.input('pixel_values', 'float32', ['N', 3, preprocessing.crop.height, preprocessing.crop.width])
const [photo] = Object.values(g.include(network.graph, { [network.graph.inputs[0].name]: pixels }, 'photographs.'))
// The pixels as `mini` has them.
const scale = its.std.map((value, i) => std[i] / value)
const shift = its.mean.map((value, i) => (mean[i] - value) / its.std[i])
const fed = g.add(g.mul(pixels, g.floats(scale, [1, 3, 1, 1])), g.floats(shift, [1, 3, 1, 1]))
const [drawing] = Object.values(g.include(mini.graph, { [mini.graph.inputs[0].name]: fed }, 'drawings.'))
const both = g.concat([photo, drawing], 1)
const gate = g.initializer('gate.weight', float32(Float32Array.from(weights), [weights.length, 1]))
const share = g.mul(g.sigmoid(g.add(g.matMul(both, gate), g.floats(bias))), g.floats(STRENGTH))
const weighted = [g.mul(photo, g.sqrt(g.sub(g.floats(1), share))), g.mul(drawing, g.sqrt(share))]
const dim = weights.length
g.output(g.concat(weighted, 1), 'embedding', { type: 'float32', shape: ['N', dim] })
const { 'lookalike.preprocessing': asRead, 'lookalike.network': mark } = network.metadata
const joined = g.build({ 'lookalike.preprocessing': asRead, 'lookalike.network': mark })
// 8 bits for the large network, whose weights lose nothing that counts; halves for the rest.
await saveModel(given.out, toHalf(toInt8(joined, { minimum: 30_000 })))
console.log(`Weights: ${given.out}, ${((await readFile(given.out)).length / 1e6).toFixed(1)} MB, ${dim} dimensions`)
