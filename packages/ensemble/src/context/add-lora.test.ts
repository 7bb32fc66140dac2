import { createRandom } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { checkGradients, createSession, float32, type OnnxModel } from '@lookalike/onnx'
import { createTrainableModel } from '@lookalike/train'
import { describe, expect, it } from 'vitest'
import { addLora } from './add-lora.js'

const size = 16
const vit = () => buildVit({ imageSize: size, patchSize: 8, dim: 12, depth: 2, heads: 3, embeddingDim: 6, seed: 3 })
const pixels = (rows: number) => {
  const random = createRandom('pixels')
  return {
    pixel_values: float32(
      Float32Array.from({ length: rows * 3 * size * size }, () => random.normal()),
      [rows, 3, size, size],
    ),
  }
}
const embed = async (model: OnnxModel) => {
  const session = await createSession(model, { threads: 1 })
  const { embedding } = await session.run(pixels(4))
  await session.dispose()
  return embedding!.data as Float32Array
}

describe('addLora', () => {
  it('changes query and value of every block, and nothing before it is trained', async () => {
    const base = vit()
    const { model, trainable } = addLora(base, 2, 0)
    expect(trainable).toHaveLength(2 * 2 * 2)
    expect(trainable[0]).toBe('lora/blocks.0.attn.qkv.weight.query.A')
    expect(await embed(model)).toEqual(await embed(base))
  })

  it('has the gradients of finite differences', async () => {
    const { model, trainable } = addLora(vit(), 2, 0)
    const random = createRandom('away from zero')
    // At B = 0 the gradient of A is 0 everywhere.
    const initializers = new Map(model.graph.initializers)
    for (const name of trainable) {
      const { shape, data } = initializers.get(name)!
      initializers.set(
        name,
        float32(
          Float32Array.from(data as Float32Array, () => random.normal() * 0.3),
          shape,
        ),
      )
    }
    const { tensors } = await checkGradients(
      { ...model, graph: { ...model.graph, initializers } },
      { trainable, example: pixels(2) },
    )
    // The weights and the pixels.
    expect(tensors).toHaveLength(trainable.length + 1)
    for (const { name, error } of tensors) expect(error, name).toBeLessThan(1e-2)
  })

  it('merges into the weights: the same network as with the change beside them, of the same size as before', async () => {
    const base = vit()
    const { model, trainable, merge } = addLora(base, 2, 0)
    const trainer = createTrainableModel(model, { trainable, threads: 1 })
    const random = createRandom('trained')
    for (const { data } of trainer.parameters) data.forEach((_, i) => (data[i] = random.normal() * 0.3))
    const beside = await embed(trainer.export())
    const merged = merge(new Map(trainer.parameters.map(({ name, data }) => [name, data])))
    await trainer.dispose()
    const inside = await embed(merged)
    inside.forEach((value, i) => expect(value).toBeCloseTo(beside[i]!, 5))
    expect(inside).not.toEqual(await embed(base))
    expect(merged.graph.nodes).toEqual(base.graph.nodes)
    expect([...merged.graph.initializers.keys()]).toEqual([...base.graph.initializers.keys()])
    // Keys are the middle third of the columns: they stay.
    const [before, after] = [base, merged].map(
      ({ graph }) => graph.initializers.get('blocks.0.attn.qkv.weight')!.data as Float32Array,
    )
    after!.forEach((value, i) => {
      const column = i % 36
      if (column >= 12 && column < 24) expect(value).toBe(before![i])
    })
    expect(after).not.toEqual(before)
  })

  it('says when there is no attention', () => {
    const base = vit()
    const nodes = base.graph.nodes.filter(({ op }) => op !== 'MatMul')
    expect(() => addLora({ ...base, graph: { ...base.graph, nodes } }, 4, 0)).toThrow(
      expect.objectContaining({ code: 'ensemble/no-attention' }),
    )
  })
})
