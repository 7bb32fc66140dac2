import { expect, it } from 'vitest'
import { contextTripleLoss, cosineTripleLoss } from './triple-losses.js'

const triple = { reference: 0, a: 1, b: 2, target: 1, classA: 4, classB: 2 }
const batch = {
  embeddings: Float32Array.of(1, 0, 0.5, 1, 0, 1),
  rows: 3,
  dim: 2,
  triples: [triple],
  step: 0,
  totalSteps: 1,
}
const losses = [
  ['context', contextTripleLoss()],
  ['triple-cosine', cosineTripleLoss()],
] as const
const bound = (at: number) => losses[at]![1].bind({ dim: 2, classes: 0, seed: 1 })

it.each([0, 1])('takes embeddings in any array of numbers', async (at) => {
  const loss = await bound(at)
  const { value, gradients } = await loss.compute({ ...batch, embeddings: Array.from(batch.embeddings) as never })
  const wanted = await loss.compute(batch)
  expect(value).toBe(wanted.value)
  expect(gradients.embeddings).toEqual(wanted.gradients.embeddings)
})

it.each([
  ['loss/triples', { triples: undefined }],
  ['loss/triples', { triples: [{ ...triple, b: 3 }] }],
  ['loss/triples', { triples: [{ ...triple, reference: '0' }] }],
  ['loss/triples', { triples: [{ ...triple, target: Number.NaN }] }],
  ['loss/triples', { triples: [{ ...triple, classA: '4' }] }],
  ['loss/triples', { triples: [null] }],
  ['loss/triples', { triples: Object.assign([], { length: 1 }) }],
  ['loss/shape', { embeddings: Array.from({ length: 3 }, () => [1, 0]) }],
  ['loss/shape', { embeddings: new BigInt64Array(6) }],
  ['loss/shape', { rows: 2 }],
  ['loss/not-finite', { embeddings: Float32Array.of(1, 0, 0.5, Number.NaN, 0, 1) }],
])('answers with %s to %o', async (code, given) => {
  for (const at of [0, 1])
    await expect((await bound(at)).compute({ ...batch, ...given } as never)).rejects.toMatchObject({ code })
})

it('refuses options and dimensions by name', async () => {
  expect(() => contextTripleLoss({ margin: 'wide' as never })).toThrow('context.margin')
  expect(() => cosineTripleLoss({ temperature: 0 })).toThrow('triple-cosine.temperature')
  for (const [, loss] of losses)
    await expect(loss.bind({ dim: 0, classes: 0, seed: 1 })).rejects.toMatchObject({ code: 'loss/shape' })
})
