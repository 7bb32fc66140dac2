import { describe, expect, it } from 'vitest'
import { createRandom } from '../random/create-random.js'
import { concat } from './concat.js'
import { dot, dotRows, norm } from './dot-rows.js'
import { toFloat32, toInt32 } from './numbers.js'
import { orthogonalMatrix } from './orthogonal-matrix.js'
import { pickRows } from './pick-rows.js'
import { logistic, softplus } from './softplus.js'
import { topK } from './top-k.js'
import { unitRows } from './unit-rows.js'

it('pickRows takes rows in the order given', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6)
  expect(pickRows(data, 2, new Set([2, 0]))).toEqual(Float32Array.of(5, 6, 1, 2))
  expect(pickRows(data, 2, Int32Array.of(1, 1))).toEqual(Float32Array.of(3, 4, 3, 4))
  expect(pickRows(data, 2, [])).toEqual(new Float32Array(0))
})

describe('dotRows', () => {
  it('multiplies the rows that are asked for, at any length', () => {
    for (let dim = 1; dim <= 9; dim++) {
      const a = Float32Array.from({ length: 3 * dim }, (_, i) => i + 1)
      const b = Float32Array.from({ length: 2 * dim }, (_, i) => 2 * i - 3)
      let expected = 0
      for (let d = 0; d < dim; d++) expected += a[2 * dim + d]! * b[dim + d]!
      expect(dotRows(a, 2, b, 1, dim)).toBe(expected)
    }
    expect(dot([1, 2], [3, 4])).toBe(11)
    expect(norm([3, 4])).toBe(5)
  })

  it('keeps digits that single precision loses', () => {
    expect(dotRows(Float32Array.of(4096, 1), 0, Float32Array.of(4096, 1), 0, 2)).toBe(2 ** 24 + 1)
  })
})

describe('unitRows', () => {
  it('gives rows of length 1 and leaves zeros and its input alone', () => {
    const data = Float32Array.of(3, 4, 0, 0, 0, -2)
    const unit = unitRows(data, 2)
    ;[0.6, 0.8, 0, 0, 0, -1].forEach((value, i) => expect(unit[i]).toBeCloseTo(value, 6))
    expect([...data]).toEqual([3, 4, 0, 0, 0, -2])
    expect(unitRows(new Float32Array(0), 4)).toHaveLength(0)
  })
})

describe('concat', () => {
  it('keeps order and kind', () => {
    expect(concat([Float32Array.of(1), new Float32Array(0), Float32Array.of(2, 3)])).toEqual(Float32Array.of(1, 2, 3))
    expect(concat([Int32Array.of(7), Int32Array.of(8)])).toEqual(Int32Array.of(7, 8))
  })
})

describe('topK', () => {
  it('agrees with sorting, ties included, for any k', () => {
    const random = createRandom(1)
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: random.integer(30) }, () => random.integer(6))
      const sorted = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b)
      for (const k of [0, 1, 2, 5, 29, 100]) expect([...topK(values, k)]).toEqual(sorted.slice(0, k))
    }
  })
})

describe('toFloat32 and toInt32', () => {
  const owner = { code: 'some/code', name: 'the labels of a test' }
  it('keep what fits and convert what can be', () => {
    const floats = Float32Array.of(1, 2)
    expect(toFloat32(floats, owner)).toBe(floats)
    for (const given of [[1, 2], Float64Array.of(1, 2), Int8Array.of(1, 2), Uint8ClampedArray.of(1, 2)])
      expect(toFloat32(given, owner)).toEqual(floats)
    const whole = Int32Array.of(-1, 2)
    expect(toInt32(whole, owner)).toBe(whole)
    for (const given of [[-1, 2], Float64Array.of(-1, 2), Int8Array.of(-1, 2)])
      expect(toInt32(given, owner)).toEqual(whole)
    expect(toFloat32([NaN, 1e300], owner)).toEqual(Float32Array.of(NaN, Infinity))
  })

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['12', 'the text "12"'],
    [12, 'a number'],
    [BigInt64Array.of(1n), 'a BigInt64Array'],
    [new ArrayBuffer(8), 'an ArrayBuffer'],
    [new Map(), 'a Map'],
    [{ length: 2 }, 'an Object'],
  ])('refuse %s', (given, kind) => {
    for (const convert of [toFloat32, toInt32])
      expect(() => convert(given, owner)).toThrow(
        expect.objectContaining({
          code: 'some/code',
          message: expect.stringContaining(`The labels of a test came as ${kind}`),
        }),
      )
  })

  it.each([[['a']], [[1, undefined]], [[1, [2]]], [[1n]]])('refuse entries that are no numbers: %s', (given) => {
    for (const convert of [toFloat32, toInt32])
      expect(() => convert(given, owner)).toThrow(expect.objectContaining({ code: 'some/code' }))
  })

  it.each([0.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1])('refuse %d as a whole number, with its place', (value) => {
    expect(() => toInt32([0, value], owner)).toThrow(`Entry 1 of the labels of a test is ${value}`)
  })
})

describe('orthogonalMatrix', () => {
  it.each([
    [5, 3],
    [3, 5],
    [4, 4],
  ])('%i x %i: orthonormal along the shorter side', (rows, columns) => {
    const matrix = orthogonalMatrix(rows, columns, createRandom(3))
    const count = Math.min(rows, columns)
    const vectors = Array.from({ length: count }, (_, i) =>
      Array.from({ length: Math.max(rows, columns) }, (_, d) =>
        columns > rows ? matrix[i * columns + d]! : matrix[d * columns + i]!,
      ),
    )
    for (let i = 0; i < count; i++)
      for (let j = 0; j <= i; j++) expect(dot(vectors[i]!, vectors[j]!)).toBeCloseTo(i === j ? 1 : 0, 6)
  })

  it('is another one with another seed', () => {
    expect(orthogonalMatrix(2, 2, createRandom(1))).not.toEqual(orthogonalMatrix(2, 2, createRandom(2)))
  })
})

it('softplus and its slope hold at both ends', () => {
  expect([-Infinity, -1000, 0, 1000].map(softplus)).toEqual([0, 0, Math.LN2, 1000])
  expect([-Infinity, -1000, 0, 1000].map(logistic)).toEqual([0, 0, 0.5, 1])
  for (const x of [-3, -0.2, 0.7, 5])
    expect((softplus(x + 1e-5) - softplus(x - 1e-5)) / 2e-5).toBeCloseTo(logistic(x), 8)
})

it.each([
  ['Float32Array', toFloat32, new Float32Array(4)],
  ['Int32Array', toInt32, new Int32Array(4)],
  ['Int16Array', toInt32, new Int16Array(4)],
] as const)('a %s whose memory was given away is not taken for an empty one', (kind, convert, values) => {
  structuredClone(values, { transfer: [values.buffer] })
  const owner = { code: 'test/given-away', name: 'the labels' }
  expect(() => convert(values, owner)).toThrow(
    expect.objectContaining({ code: owner.code, message: expect.stringContaining(kind) }),
  )
  expect(convert([], owner)).toHaveLength(0)
})
