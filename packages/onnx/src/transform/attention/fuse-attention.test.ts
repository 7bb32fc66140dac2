import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { createRandom } from '@lookalike/core'
import { expect, test } from 'vitest'
import { createGraphBuilder, type GraphBuilder } from '../../builder/create-graph-builder.js'
import { differentiate } from '../../gradient/differentiate.js'
import { probe } from '../../gradient/probe.js'
import { trainableInitializers } from '../../gradient/trainable-initializers.js'
import type { OnnxModel } from '../../model/model.js'
import { readModel } from '../../model/read-model.js'
import { float32, int64, sizeOf } from '../../model/tensor.js'
import { createSession } from '../../session/create-session.js'
import { fuseAttention } from './fuse-attention.js'

const random = createRandom('fuse-attention')
const tensor = (shape: readonly number[], spread = 1) =>
  float32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * spread),
    shape,
  )
const countOf = ({ graph }: OnnxModel, ...ops: string[]) => graph.nodes.filter(({ op }) => ops.includes(op)).length
const fusedIn = (model: OnnxModel) => countOf(model, 'Attention', 'MultiHeadAttention')

async function expectSame(
  model: OnnxModel,
  fused: OnnxModel,
  input: string,
  shape: readonly number[],
  counts: readonly number[],
) {
  for (const count of counts) {
    const feeds = { [input]: tensor([count, ...shape]) }
    const [expected, got] = await Promise.all(
      [model, fused].map(async (one) => {
        const session = await createSession(one, { threads: 1 })
        const results = await session.run(feeds)
        await session.dispose()
        return results
      }),
    )
    for (const [name, { data, shape: dims }] of Object.entries(expected!)) {
      expect(got![name]!.shape).toEqual(dims)
      const scale = Math.max(...(data as Float32Array).map(Math.abs))
      const error = Math.max(
        ...(got![name]!.data as Float32Array).map((value, i) => Math.abs(value - (data as Float32Array)[i]!)),
      )
      expect(error / scale).toBeLessThan(1e-5)
    }
  }
}

const fixtures = new URL('../../../fixtures/', import.meta.url)
const networks = ['attention', 'exports'].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, fixtures)).flatMap((file) =>
    file.endsWith('.onnx.gz') ? [`${folder}/${file}`] : [],
  ),
)

/** How many stay: the heads of CaiT's first blocks are mixed between softmax and values, XCiT's attend to channels. */
const left = (file: string) => (/timm-(cait|xcit)/.test(file) ? 1 : 0)

test.each(networks)('every attention of %s is found, and the network gives the same', async (file) => {
  const model = readModel(gunzipSync(readFileSync(new URL(file, fixtures))))
  const { name: input, shape } = model.graph.inputs[0]!
  const size = shape!.slice(1) as number[]
  const fused = await fuseAttention(model, await probe(model, { [input]: tensor([2, ...size]) }))
  expect(fusedIn(fused)).toBe(countOf(model, 'Softmax') - left(file))
  expect(countOf(fused, 'Softmax')).toBe(left(file))
  await expectSame(model, fused, input, size, [1, 3])
})

const TOKENS = 5
const DIM = 6
const HEADS = 3
const EACH = 4

interface Form {
  /** Tokens [N, TOKENS, DIM] to queries [N, HEADS, TOKENS, EACH], transposed keys and values. */
  readonly operands: (g: GraphBuilder, x: string) => readonly [string, string, string]
  readonly scores?: (g: GraphBuilder, product: string) => string
  readonly softmax?: (g: GraphBuilder, scores: string) => string
  /** [N, HEADS, TOKENS, EACH] to the output. */
  readonly result?: (g: GraphBuilder, mixed: string) => string
}

const linear = (g: GraphBuilder, x: string, outputs: number, bias = true) => {
  const product = g.matMul(x, g.constant(tensor([DIM, outputs])))
  return bias ? g.add(g.constant(tensor([outputs])), product) : product
}
const split = (g: GraphBuilder, x: string, perm: number[]) => g.transpose(g.reshape(x, [0, 0, HEADS, EACH]), perm)
const three: Form['operands'] = (g, x) => [
  split(g, linear(g, x, HEADS * EACH), [0, 2, 1, 3]),
  split(g, linear(g, x, HEADS * EACH), [0, 2, 3, 1]),
  split(g, linear(g, x, HEADS * EACH), [0, 2, 1, 3]),
]
/** One product, its columns in an order of their own; `perm` brings them to [3, N, HEADS, TOKENS, EACH]. */
const packed =
  (columns: number[], perm: number[], bias = true): Form['operands'] =>
  (g, x) => {
    const stacked = g.transpose(g.reshape(linear(g, x, 3 * HEADS * EACH, bias), [0, 0, ...columns]), perm)
    const [q, k, v] = [0, 1, 2].map((i) => g.gather(stacked, g.integers(i), 0)) as [string, string, string]
    return [q, g.transpose(k, [0, 1, 3, 2]), v]
  }
const plain = packed([3, HEADS, EACH], [2, 0, 3, 1, 4])
const join: NonNullable<Form['result']> = (g, mixed) =>
  g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [0, 0, HEADS * EACH])

function network({
  operands,
  scores = (g, x) => g.div(x, g.floats(2)),
  softmax = (g, x) => g.softmax(x),
  result = join,
}: Form): OnnxModel {
  const g = createGraphBuilder({ opset: 17 })
  const x = g.relu(g.input('x', 'float32', ['N', TOKENS, DIM]))
  const [q, k, v] = operands(g, x)
  g.output(g.relu(result(g, g.matMul(softmax(g, scores(g, g.matMul(q, k))), v))), 'y')
  return g.build()
}

test.each<[string, Form]>([
  ['part, head, place', { operands: plain }],
  ['head, part, place', { operands: packed([HEADS, 3, EACH], [3, 0, 2, 1, 4]) }],
  ['place, part, head', { operands: packed([EACH, 3, HEADS], [3, 0, 4, 1, 2]) }],
  ['no bias', { operands: packed([3, HEADS, EACH], [2, 0, 3, 1, 4], false) }],
  ['no scale', { operands: plain, scores: (_, x) => x }],
  [
    'scaled queries and keys',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, x)
        return [g.mul(q, g.floats(0.3)), g.mul(g.floats(0.7), k), v]
      },
    },
  ],
  ['three products', { operands: three }],
  ['a mask for all heads', { operands: plain, scores: (g, x) => g.add(x, g.constant(tensor([TOKENS, TOKENS]))) }],
  [
    'a mask for each head, and one for the keys',
    {
      operands: plain,
      scores: (g, x) => g.add(g.constant(tensor([TOKENS])), g.add(x, g.constant(tensor([HEADS, TOKENS, 1])))),
    },
  ],
  [
    'a mask that is scaled with the scores',
    { operands: plain, scores: (g, x) => g.mul(g.add(x, g.constant(tensor([TOKENS, TOKENS]))), g.floats(0.5)) },
  ],
  ['a mask of zeros', { operands: plain, scores: (g, x) => g.add(x, g.constant(float32([0], [1, 1, 1, 1]))) }],
  [
    'zeros instead of what is no number',
    {
      operands: plain,
      scores: (g, x) => g.add(x, g.constant(tensor([TOKENS, TOKENS]))),
      softmax: (g, x) => {
        const weights = g.softmax(x)
        return g.where(g.node('IsNaN', [weights]), g.floats(0), weights)
      },
    },
  ],
  [
    'heads among the images',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, x)
        return [g.reshape(q, [-1, TOKENS, EACH]), g.reshape(k, [-1, EACH, TOKENS]), g.reshape(v, [-1, TOKENS, EACH])]
      },
      result: (g, mixed) => join(g, g.reshape(mixed, [-1, HEADS, TOKENS, EACH])),
    },
  ],
])('fuses %s', async (_, form) => {
  const model = network(form)
  const fused = await fuseAttention(model, await probe(model, { x: tensor([2, TOKENS, DIM]) }))
  expect(fused.graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Attention', 'Relu', 'Identity'])
  await expectSame(model, fused, 'x', [TOKENS, DIM], [1, 2, 3])
})

test.each<[string, Form]>([
  ['a scale for each head', { operands: plain, scores: (g, x) => g.mul(x, g.constant(tensor([HEADS, 1, 1]))) }],
  [
    'scaled values',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, x)
        return [q, k, g.mul(v, g.floats(2))]
      },
    },
  ],
  [
    'other tokens for the queries',
    { operands: (g, x) => [plain(g, g.sqrt(x))[0], ...plain(g, x).slice(1)] as [string, string, string] },
  ],
  [
    'one key for all tokens',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, x)
        return [q, g.gather(k, g.constant(int64([0, 0, 0, 0, 0])), 3), v]
      },
    },
  ],
  [
    'heads of single tokens',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, x)
        return [q, k, g.reshape(g.transpose(v, [0, 2, 1, 3]), [0, HEADS, TOKENS, EACH])]
      },
    },
  ],
  [
    'a mask for each window',
    {
      operands: (g, x) => {
        const [q, k, v] = plain(g, g.reshape(g.concat([x, g.neg(x)], 1), [-1, TOKENS, DIM]))
        return [g.sqrt(g.abs(q)), k, v]
      },
      scores: (g, x) => {
        const windows = g.add(g.reshape(x, [-1, 2, HEADS, TOKENS, TOKENS]), g.constant(tensor([2, 1, TOKENS, TOKENS])))
        return g.reshape(windows, [-1, HEADS, TOKENS, TOKENS])
      },
    },
  ],
])('fuses %s, from operands', async (_, form) => {
  const model = network(form)
  const fused = await fuseAttention(model, await probe(model, { x: tensor([2, TOKENS, DIM]) }))
  expect(countOf(fused, 'MultiHeadAttention')).toBe(1)
  expect(countOf(fused, 'Softmax')).toBe(0)
  await expectSame(model, fused, 'x', [TOKENS, DIM], [1, 2, 3])
})

test('a result in another order is brought to it', async () => {
  const model = network({ operands: plain, result: (g, mixed) => g.reshape(mixed, [0, TOKENS, HEADS * EACH]) })
  const fused = await fuseAttention(model, await probe(model, { x: tensor([2, TOKENS, DIM]) }))
  expect(countOf(fused, 'Attention')).toBe(1)
  await expectSame(model, fused, 'x', [TOKENS, DIM], [1, 2, 3])
})

const closed = () => {
  const mask = new Float32Array(TOKENS ** 2)
  mask.fill(-Infinity, TOKENS, 2 * TOKENS)
  return float32(mask, [TOKENS, TOKENS])
}

test.each<[string, Form]>([
  ['another axis', { operands: plain, softmax: (g, x) => g.softmax(x, -2) }],
  ['a negative scale', { operands: plain, scores: (g, x) => g.mul(x, g.floats(-0.5)) }],
  ['a scale for each key', { operands: plain, scores: (g, x) => g.mul(x, g.constant(tensor([TOKENS]))) }],
  ['a mask of the pixels', { operands: plain, scores: (g, x) => g.add(x, g.reduceMean(x, [-1])) }],
  ['a mask for each of two images', { operands: plain, scores: (g, x) => g.add(x, g.constant(tensor([2, 1, 1, 1]))) }],
  ['a token that may look at none', { operands: plain, scores: (g, x) => g.add(x, g.constant(closed())) }],
  ['weights that are read', { operands: plain, softmax: (g, x) => g.output(g.softmax(x), 'weights') }],
  ['weights that are changed', { operands: plain, softmax: (g, x) => g.sqrt(g.softmax(x)) }],
  [
    'a shape that is read inside',
    {
      operands: plain,
      softmax: (g, x) => {
        const made = g.softmax(x)
        g.output(g.node('Shape', [made]), 'shape', { type: 'int64' })
        return made
      },
    },
  ],
])('leaves %s alone', async (_, form) => {
  const model = network(form)
  expect(await fuseAttention(model, await probe(model, { x: tensor([2, TOKENS, DIM]) }))).toBe(model)
})

test('leaves halves alone', async () => {
  const g = createGraphBuilder({ opset: 17 })
  const half = (x: string) => g.cast(x, 'float16')
  const x = half(g.input('x', 'float32', ['N', TOKENS, DIM]))
  const [q, k, v] = [0, 1, 2].map(() => {
    const product = g.matMul(x, half(g.constant(tensor([DIM, HEADS * EACH]))))
    return split(g, g.add(product, half(g.constant(tensor([HEADS * EACH])))), [0, 2, 1, 3])
  }) as [string, string, string]
  g.output(g.cast(join(g, g.matMul(g.softmax(g.matMul(q, g.transpose(k, [0, 1, 3, 2]))), v)), 'float32'), 'y')
  const model = g.build()
  expect(await fuseAttention(model, await probe(model, { x: tensor([2, TOKENS, DIM]) }))).toBe(model)
})

test('one image does not tell which dimension is that of the images', async () => {
  const model = network({ operands: plain })
  expect(await fuseAttention(model, await probe(model, { x: tensor([1, TOKENS, DIM]) }))).toBe(model)
})

test('what is trained stays unfused: the fused node has no gradient, its model has', async () => {
  const model = network({ operands: three })
  const before = model.graph.nodes.map(({ op }) => op)
  const feeds = { x: tensor([2, TOKENS, DIM]) }
  const fused = await fuseAttention(model, await probe(model, feeds))
  expect(model.graph.nodes.map(({ op }) => op)).toEqual(before)
  const trainable = trainableInitializers(model)
  expect(trainable.length).toBeGreaterThan(0)
  await expect(differentiate(model, { example: feeds, trainable })).resolves.toBeDefined()
  await expect(differentiate(fused, { example: feeds })).rejects.toThrow(/Attention/)
})
