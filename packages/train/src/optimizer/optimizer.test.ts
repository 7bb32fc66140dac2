import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { createOptimizer } from './create-optimizer.js'
import { createMovingAverage } from './moving-average.js'
import { decays, type Parameter } from './parameter.js'
import { scheduleAt, scheduleSchema } from './schedule.js'

const parameter = (name: string, values: readonly number[], more: Partial<Parameter> = {}): Parameter => ({
  name,
  shape: [values.length],
  data: Float32Array.from(values),
  ...more,
})
const gradientsOf = (entries: Record<string, readonly number[]>) =>
  new Map(Object.entries(entries).map(([name, values]) => [name, Float32Array.from(values)]))

describe('createOptimizer', () => {
  it('is AdamW: three steps by hand', () => {
    const w = parameter('w', [1, -2])
    const optimizer = createOptimizer([w], {
      learningRate: 0.1,
      weightDecay: 0.5,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
    })
    const expected = [1, -2]
    const m = [0, 0]
    const v = [0, 0]
    for (let t = 1; t <= 3; t++) {
      const gradient = [0.3 * t, -0.1]
      optimizer.step(gradientsOf({ w: gradient }))
      for (const i of [0, 1]) {
        m[i] = 0.9 * m[i]! + 0.1 * gradient[i]!
        v[i] = 0.99 * v[i]! + 0.01 * gradient[i]! ** 2
        expected[i] =
          expected[i]! * (1 - 0.1 * 0.5) -
          (0.1 * (m[i]! / (1 - 0.9 ** t))) / (Math.sqrt(v[i]! / (1 - 0.99 ** t)) + 1e-8)
      }
    }
    w.data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
  })

  it('keeps to the groups: factors, no decay, parameters without a gradient', () => {
    const all = [
      parameter('fast', [1], { learningRateFactor: 100 }),
      parameter('bias', [1], { decay: false }),
      parameter('still', [1]),
    ]
    const optimizer = createOptimizer(all, { learningRate: 1e-3, weightDecay: 0.1 })
    optimizer.step(gradientsOf({ fast: [1], bias: [0] }), 0.5)
    expect(all[0]!.data[0]).toBeCloseTo(1 - 0.05 * 0.1 - 0.05, 4)
    expect(all[1]!.data[0]).toBe(1)
    expect(all[2]!.data[0]).toBe(1)
  })

  it('starts the correction of a parameter with its own first step', () => {
    const late = parameter('late', [0])
    const optimizer = createOptimizer([parameter('early', [0]), late], { learningRate: 0.01, weightDecay: 0 })
    for (let i = 0; i < 20; i++) optimizer.step(gradientsOf({ early: [1] }))
    optimizer.step(gradientsOf({ early: [1], late: [3] }))
    expect(late.data[0]).toBeCloseTo(-0.01, 5)
  })

  it('clips by value and by the norm of the network alone', () => {
    const w = parameter('w', [0, 0])
    const proxy = parameter('loss/p', [0], { ofLoss: true })
    const gradients = gradientsOf({ w: [30, -40], 'loss/p': [1000] })
    expect(createOptimizer([w, proxy], { clipNorm: 5 }).step(gradients).norm).toBe(50)
    const clipped = gradientsOf({ w: [30, -40] })
    createOptimizer([w], { clipValue: 10 }).step(clipped)
    expect([...clipped.get('w')!]).toEqual([10, -10])
    const a = createOptimizer([w], { clipNorm: 5, beta1: 0 })
    a.step(gradientsOf({ w: [30, -40] }))
    expect([...(a.state()['m/w'] as Float32Array)].map((value) => Number(value.toFixed(4)))).toEqual([3, -4])
  })

  it('changes nothing when a gradient is not finite', () => {
    const w = parameter('w', [1])
    const p = parameter('loss/p', [1], { ofLoss: true })
    for (const options of [{}, { clipValue: 1 }]) {
      for (const gradients of [
        { w: [Number.NaN], 'loss/p': [0] },
        { w: [1], 'loss/p': [Infinity] },
      ]) {
        expect(() => createOptimizer([w, p], options).step(gradientsOf(gradients))).toThrow(
          expect.objectContaining({ code: 'train/not-finite' }),
        )
      }
    }
    expect([w.data[0], p.data[0]]).toEqual([1, 1])
  })

  it('goes on exactly from its state', () => {
    const random = createRandom('gradients')
    const steps = Array.from({ length: 6 }, () => ({ w: [random.normal(), random.normal(), random.normal()] }))
    const whole = parameter('w', [1, 2, 3])
    const first = createOptimizer([whole])
    steps.forEach((step) => first.step(gradientsOf(step)))
    const part = parameter('w', [1, 2, 3])
    const before = createOptimizer([part])
    steps.slice(0, 3).forEach((step) => before.step(gradientsOf(step)))
    const after = createOptimizer([part])
    after.restore(structuredClone(before.state()))
    steps.slice(3).forEach((step) => after.step(gradientsOf(step)))
    expect(part.data).toEqual(whole.data)
    expect(() => createOptimizer([parameter('other', [1])]).restore(before.state())).toThrow(
      expect.objectContaining({ code: 'train/checkpoint-mismatch' }),
    )
  })
})

describe('createMovingAverage', () => {
  it('follows the weights, quickly in the beginning, and goes on from its state', () => {
    const w = parameter('w', [0])
    const average = createMovingAverage([w], 0.9)
    w.data[0] = 1
    average.update()
    expect(average.weights.get('w')![0]).toBeCloseTo(1 - 2 / 11, 6)
    for (let i = 0; i < 100; i++) average.update()
    expect(average.weights.get('w')![0]).toBeCloseTo(1, 4)
    const again = createMovingAverage([parameter('w', [5])], 0.9)
    again.restore(structuredClone(average.state()))
    w.data[0] = 2
    average.update()
    expect(again.weights.get('w')![0]).not.toBe(average.weights.get('w')![0])
  })
})

describe('decays', () => {
  it.each([
    ['blocks.0.attn.qkv.weight', [192, 576], true],
    ['blocks.0.attn.qkv.bias', [576], false],
    ['norm.weight', [192], false],
    ['patch_embed.proj.weight', [192, 3, 8, 8], true],
    ['stages.0.0.conv1.gain', [48, 1, 1, 1], false],
    ['pos_embed', [1, 65, 192], false],
    ['vit.embeddings.position_embeddings', [1, 65, 192], false],
    ['cls_token', [1, 1, 192], false],
    ['vision_model.embeddings.class_embedding', [768, 2], false],
  ])('%s %j: %s', (name, shape, wanted) => {
    expect(decays(name, shape)).toBe(wanted)
  })
})

describe('scheduleAt', () => {
  const at = (schedule: Parameters<typeof scheduleSchema.parse>[0], step: number) =>
    scheduleAt(scheduleSchema.parse(schedule), step, 100, 10)
  it('is constant, drops or falls as a cosine, after a warm-up', () => {
    expect(at({ shape: 'constant' }, 99)).toBe(1)
    expect([9, 19, 20, 40].map((step) => at({ shape: 'step', every: 2, factor: 0.5 }, step))).toEqual([1, 1, 0.5, 0.25])
    expect(at(undefined, 0)).toBe(1)
    expect(at(undefined, 50)).toBeCloseTo(0.5, 9)
    expect(at({ shape: 'cosine', final: 0.1 }, 100)).toBeCloseTo(0.1, 9)
    const rising = Array.from({ length: 20 }, (_, step) => at({ shape: 'cosine', warmUp: 2 }, step))
    expect(rising).toEqual([...rising].sort((a, b) => a - b))
    expect(rising[0]).toBeGreaterThan(0)
    expect(at({ shape: 'cosine', warmUp: 2 }, 20)).toBe(1)
  })
})
