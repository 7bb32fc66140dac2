import { createRandom, type Random } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  type Feeds,
  float32,
  type OnnxModel,
  withInitializers,
} from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { addDropouts, countBlocks } from './add-dropouts.js'
import { addHead } from './add-head.js'
import { createTrainableModel } from './create-trainable-model.js'

const DIM = 4

/** Tokens through blocks of an attention and a layer on top, each beside what goes past it; the mean token is read out. */
function transformer(blocks = 3): OnnxModel {
  const random = createRandom('transformer')
  const g = createGraphBuilder({ opset: 17 })
  const linear = (x: string, name: string) => {
    const values = Float32Array.from({ length: DIM * DIM }, () => random.normal() / 2)
    const bias = g.initializer(`${name}.bias`, float32([0.1, -0.1, 0.2, 0]))
    return g.add(g.matMul(x, g.initializer(`${name}.weight`, float32(values, [DIM, DIM]))), bias)
  }
  let x = g.input('x', 'float32', ['N', 3, DIM])
  for (let i = 0; i < blocks; i++) {
    const scores = g.matMul(linear(x, `${i}.query`), g.transpose(linear(x, `${i}.key`), [0, 2, 1]))
    // One exporter puts the branch first, another last.
    const mixed = linear(g.matMul(g.softmax(scores), linear(x, `${i}.value`)), `${i}.out`)
    x = i % 2 === 0 ? g.add(x, mixed) : g.add(mixed, x)
    x = g.add(x, linear(g.tanh(linear(x, `${i}.first`)), `${i}.second`))
  }
  g.output(g.reduceMean(x, [1], false), 'y', { shape: ['N', DIM] })
  return g.build()
}

const inputs = (rows: number): Feeds => {
  const random = createRandom('tokens')
  const tokens = Float32Array.from({ length: rows * 3 * DIM }, () => random.normal())
  return { x: float32(tokens, [rows, 3, DIM]) }
}

async function run(model: OnnxModel, feeds: Feeds, output = 'y') {
  const session = await createSession(model, { threads: 1 })
  try {
    return [...((await session.run(feeds))[output]!.data as Float32Array)]
  } finally {
    await session.dispose()
  }
}

const PATH = 'lookalike.drop_path'

describe('addDropouts', () => {
  it('changes nothing where nothing is left out', async () => {
    const { model, feeds } = addDropouts(transformer(), { dropPath: 0.5, dropout: 0 })
    expect(feeds(2)[PATH]).toEqual(float32(new Float32Array(12).fill(1), [2, 6]))
    expect(await run(model, { ...inputs(2), ...feeds(2) })).toEqual(await run(transformer(), inputs(2)))
  })

  it('leaves out a whole branch of an image, and none of its neighbour', async () => {
    const { model, feeds } = addDropouts(transformer(), { dropPath: 0.5, dropout: 0 })
    const mask = feeds(2)[PATH]!.data as Float32Array
    // The second block's attention, of the first image.
    mask[2] = 0
    const without = withInitializers(transformer(), [
      ['1.out.weight', float32(new Float32Array(DIM * DIM), [DIM, DIM])],
      ['1.out.bias', float32(new Float32Array(DIM))],
    ])
    const [left, whole] = [await run(without, inputs(2)), await run(transformer(), inputs(2))]
    const found = await run(model, { ...inputs(2), [PATH]: float32(mask, [2, 6]) })
    expect(found.slice(0, DIM)).toEqual(left.slice(0, DIM))
    expect(found.slice(DIM)).toEqual(whole.slice(DIM))
    expect(left.slice(0, DIM)).not.toEqual(whole.slice(0, DIM))
  })

  it('leaves out more of later blocks, as often as was asked, and scales what stays', () => {
    const { feeds } = addDropouts(transformer(), { dropPath: 0.4, dropout: 0 })
    const rows = 4000
    const mask = feeds(rows, createRandom('mask'))[PATH]!.data as Float32Array
    const column = (i: number) => Array.from({ length: rows }, (_, row) => mask[row * 6 + i]!)
    const left = [0, 1, 2, 3, 4, 5].map((i) => column(i).filter((value) => value === 0).length / rows)
    for (const [i, share] of [0, 0, 0.2, 0.2, 0.4, 0.4].entries()) expect(left[i]).toBeCloseTo(share, 1)
    expect(new Set(column(4))).toEqual(new Set([0, Math.fround(1 / 0.6)]))
    expect(feeds(3, createRandom('mask'))).toEqual(feeds(3, createRandom('mask')))
  })

  it('counts blocks that were cut off', () => {
    expect(countBlocks(transformer())).toBe(3)
    const { feeds } = addDropouts(transformer(1), { dropPath: 0.5, dropout: 0, blocksBefore: 2 })
    const always: Random = { ...createRandom(0), next: () => 0.49 }
    expect(feeds(1, always)[PATH]!.data).toEqual(Float32Array.of(0, 0))
  })

  it('goes back through what was left out of neither: finite differences, in chunks', async () => {
    const { model, feeds } = addDropouts(addHead(transformer(2), 'y', DIM, 0, { dim: 2 }).model, {
      dropPath: 0.5,
      dropout: 0.5,
    })
    const all = { ...inputs(5), ...feeds(5, createRandom('some')) }
    expect(all['lookalike.dropout']!.data).toContain(0)
    const trainable = createTrainableModel(model, { threads: 1, chunk: 2 })
    const output = model.graph.outputs[0]!.name
    const want = Float32Array.from({ length: 10 }, (_, i) => (i % 4) - 1.5)
    const value = async () =>
      (await trainable.forward(all))[output]!.data.reduce((sum, one, i) => sum + one * want[i]!, 0)
    try {
      const { gradients } = await trainable.step(all, async () => ({ gradients: { [output]: want }, result: 0 }))
      for (const { name, data } of trainable.parameters) {
        const at = data.length >> 1
        const before = data[at]!
        data[at] = before + 0.01
        const above = await value()
        data[at] = before - 0.01
        const below = await value()
        data[at] = before
        expect(gradients.get(name)![at], name).toBeCloseTo((above - below) / 0.02, 2)
      }
    } finally {
      await trainable.dispose()
    }
  })

  it('refuses a network without branches, and dropout without a head', () => {
    const g = createGraphBuilder({ opset: 17 })
    g.output(g.matMul(g.input('x', 'float32', ['N', 2]), g.initializer('w.weight', float32([1, 2, 3, 4], [2, 2]))), 'y')
    const plain = g.build()
    expect(() => addDropouts(plain, { dropPath: 0.1, dropout: 0 })).toThrow('residual branches')
    expect(() => addDropouts(plain, { dropPath: 0, dropout: 0.1 })).toThrow('no head')
  })
})
