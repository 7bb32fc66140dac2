import { createRandom } from '@lookalike/core'
import { createGraphBuilder, float32, type OnnxModel, type TensorOf } from '@lookalike/onnx'
import { afterEach, describe, expect, it } from 'vitest'
import { createTrainableModel, type TrainableModel, type TrainableModelOptions } from './create-trainable-model.js'

const open: TrainableModel[] = []
afterEach(async () => {
  for (const model of open.splice(0)) await model.dispose()
})

/** Two layers, tanh between them, unit vectors out. */
function network(): OnnxModel {
  const random = createRandom('network')
  const weights = (shape: readonly number[]) =>
    float32(
      Float32Array.from({ length: shape[0]! * (shape[1] ?? 1) }, () => random.normal()),
      shape,
    )
  const g = createGraphBuilder({ opset: 17 })
  const x = g.input('x', 'float32', ['N', 5])
  const hidden = g.tanh(
    g.add(g.matMul(x, g.initializer('first.weight', weights([5, 7]))), g.initializer('first.bias', weights([7]))),
  )
  g.output(g.l2Normalise(g.matMul(hidden, g.initializer('second.weight', weights([7, 3])))), 'y', { shape: ['N', 3] })
  return g.build()
}

function trainable(options: TrainableModelOptions = {}) {
  const model = createTrainableModel(network(), { threads: 1, ...options })
  open.push(model)
  return model
}

const batch = (rows: number) => {
  const random = createRandom('batch')
  return {
    x: float32(
      Float32Array.from({ length: rows * 5 }, () => random.normal()),
      [rows, 5],
    ),
  }
}

/** Half the squared distance from fixed targets that mixes all rows: gradients of a row depend on the other rows. */
const loss = async ({ y }: Record<string, TensorOf<'float32'>>) => {
  const { data } = y!
  const sum = data.reduce((total, value, i) => total + value * ((i % 4) - 1.5), 0)
  return { gradients: { y: data.map((_, i) => sum * ((i % 4) - 1.5)) }, result: (sum * sum) / 2 }
}

const snapshot = (gradients: ReadonlyMap<string, Float32Array>) =>
  new Map([...gradients].map(([name, data]) => [name, data.slice()]))

describe('createTrainableModel', () => {
  it('gives the gradients of a loss in JavaScript: finite differences', async () => {
    const model = trainable()
    const feeds = batch(6)
    const { gradients } = await model.step(feeds, loss)
    const value = async () => (await loss(await model.forward(feeds))).result
    for (const { name, data } of model.parameters) {
      for (const i of [0, data.length - 1]) {
        const kept = data[i]!
        const h = 1e-2
        data[i] = kept + h
        const above = await value()
        data[i] = kept - h
        const below = await value()
        data[i] = kept
        expect((above - below) / (2 * h), `${name}[${i}]`).toBeCloseTo(gradients.get(name)![i]!, 2)
      }
    }
  })

  it.each([2, 3, 4])('gives the same gradients in chunks of %i rows, the last one not full', async (chunk) => {
    const whole = await trainable({ chunk: 8 }).step(batch(7), loss)
    const parts = await trainable({ chunk }).step(batch(7), loss)
    expect(parts.result).toBeCloseTo(whole.result, 5)
    for (const [name, gradient] of whole.gradients) {
      parts.gradients.get(name)!.forEach((value, i) => expect(value, name).toBeCloseTo(gradient[i]!, 4))
    }
  })

  it('gives the same outputs for any number of rows', async () => {
    const model = trainable({ chunk: 4 })
    const { y: all } = await model.forward(batch(10))
    const { y: few } = await model.forward(batch(3))
    expect(all!.shape).toEqual([10, 3])
    few!.data.forEach((value, i) => expect(value).toBeCloseTo(all!.data[i]!, 6))
  })

  it('sees weights that change in place, in one chunk and in several', async () => {
    for (const chunk of [4, 2]) {
      const model = trainable({ chunk })
      const before = snapshot((await model.step(batch(4), loss)).gradients)
      for (const { data } of model.parameters) data.forEach((value, i) => (data[i] = value * 1.5))
      const { gradients } = await model.step(batch(4), loss)
      expect(gradients.get('first.weight')).not.toEqual(before.get('first.weight'))
    }
  })

  it('trains some parameters alone, then all with what they have become', async () => {
    const model = trainable()
    const { gradients } = await model.step(batch(4), loss, { only: ['second.weight'] })
    expect([...gradients.keys()]).toEqual(['second.weight'])
    const alone = gradients.get('second.weight')!.slice()
    model.parameters
      .find(({ name }) => name === 'second.weight')!
      .data.forEach((value, i, data) => (data[i] = value + 0.1))
    const all = await model.step(batch(4), loss)
    expect([...all.gradients.keys()]).toHaveLength(3)
    expect(all.gradients.get('second.weight')).not.toEqual(alone)
    const none = await model.step(batch(4), loss, { only: [] })
    expect(none.gradients.size).toBe(0)
    expect(none.result).toBeCloseTo(all.result, 5)
  })

  it('runs with other weights in place of its own, and exports them', async () => {
    const model = trainable()
    const other = new Map(model.parameters.map(({ name, data }) => [name, data.map((value) => -value)]))
    const { y } = await model.forward(batch(2), { weights: other })
    const changed = createTrainableModel(model.export(other), { threads: 1 })
    open.push(changed)
    const { y: again } = await changed.forward(batch(2))
    expect(again!.data).toEqual(y!.data)
    expect(model.export().graph.initializers.get('first.bias')!.data).toEqual(
      model.parameters.find(({ name }) => name === 'first.bias')!.data,
    )
  })

  it('opens its sessions on the providers that it is told', async () => {
    const gradients = async (options: TrainableModelOptions) =>
      snapshot((await trainable(options).step(batch(4), loss)).gradients)
    expect(await gradients({ providers: ['cpu'] })).toEqual(await gradients({}))
    const provider = process.platform === 'darwin' ? 'dml' : 'coreml'
    await expect(trainable({ providers: [provider] }).step(batch(4), loss)).rejects.toMatchObject({
      code: 'onnx/provider',
      fields: { provider },
    })
    await expect(trainable({ providers: [provider] }).forward(batch(4))).rejects.toMatchObject({
      code: 'onnx/provider',
    })
  })

  it('refuses a network without float weights, and names that are none', () => {
    const g = createGraphBuilder()
    g.output(g.relu(g.input('x', 'float32', ['N', 2])), 'y')
    expect(() => createTrainableModel(g.build())).toThrow(expect.objectContaining({ code: 'onnx/not-trainable' }))
    expect(() => trainable({ trainable: ['third.weight'] })).toThrow(/third\.weight/)
  })
})
