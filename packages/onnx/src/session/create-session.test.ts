import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { float32, int64 } from '../model/tensor.js'
import { checkProviders } from './check-providers.js'
import { createSession } from './create-session.js'
import type { Session } from './open-session.js'

let session: Session
beforeAll(async () => {
  const g = createGraphBuilder()
  const x = g.input('x', 'float32', ['N', 3])
  g.output(g.matMul(x, g.initializer('w', float32([1, 0, 0, 1, 1, 1], [3, 2]))), 'y', { shape: ['N', 2] })
  g.output(g.reduceSum(x, [0]), 'sum')
  session = await createSession(g.build())
})
afterAll(() => session.dispose())

test('runs, all outputs or some', async () => {
  const x = float32([1, 2, 3, 4, 5, 6], [2, 3])
  expect(await session.run({ x })).toEqual({ y: float32([4, 5, 10, 11], [2, 2]), sum: float32([5, 7, 9], [1, 3]) })
  expect(Object.keys(await session.run({ x }, { outputs: ['sum'] }))).toEqual(['sum'])
  expect(session.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['N', 3] }])
})

test('runs that are started together leave the process time between them', async () => {
  const x = float32([1, 2, 3], [1, 3])
  let turns = 0
  let next = setImmediate(function turn() {
    turns++
    next = setImmediate(turn)
  })
  const seen = await Promise.all([1, 2, 3].map(() => session.run({ x }).then(() => turns)))
  clearImmediate(next)
  expect(seen[2]! - seen[0]!).toBeGreaterThanOrEqual(2)
})

test('writes results in place', async () => {
  const y = float32(new Float32Array(2), [1, 2])
  const results = await session.run({ x: float32([1, 2, 3], [1, 3]) }, { outputs: ['y'], into: { y } })
  expect(results['y']).toBe(y)
  expect([...y.data]).toEqual([4, 5])
})

test.each([
  [{}, 'x is missing'],
  [{ x: float32([1, 2, 3], [1, 3]), z: float32([1]) }, 'no input z'],
  [{ x: int64([1, 2, 3], [1, 3]) }, 'came as int64'],
  [{ x: float32([1, 2, 3, 4], [1, 4]) }, 'shape [1, 4]'],
  [{ x: { ...float32([1, 2, 3], [1, 3]), shape: [2, 3] } }, '3 values'],
])('unfitting inputs are named: %#', async (feeds, text) => {
  await expect(session.run(feeds)).rejects.toMatchObject({ code: 'onnx/feeds', message: expect.stringContaining(text) })
})

test('a provider that is not there, a model that is none, a session that is gone', async () => {
  await expect(createSession(Buffer.from('nothing'))).rejects.toMatchObject({ code: 'onnx/not-onnx' })
  await expect(createSession(Buffer.from('nothing'), { providers: ['coreml'] })).rejects.toMatchObject({
    code: 'onnx/provider',
  })
  const missing = process.platform === 'darwin' ? 'dml' : 'coreml'
  await expect(checkProviders(['cpu', missing])).rejects.toMatchObject({
    code: 'onnx/provider',
    fields: { provider: missing },
  })
  await checkProviders(['cpu'])
  const g = createGraphBuilder()
  g.output(g.relu(g.input('x', 'float32', [1])), 'y')
  const gone = await createSession(g.build())
  await gone.dispose()
  await expect(gone.run({ x: float32([1]) })).rejects.toMatchObject({ code: 'onnx/disposed' })
})
