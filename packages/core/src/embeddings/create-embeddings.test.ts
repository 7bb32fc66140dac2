import { describe, expect, it } from 'vitest'
import { createEmbeddings } from './create-embeddings.js'

const make = (data: unknown, more: Record<string, unknown> = {}) =>
  createEmbeddings({ data, rows: 2, dim: 2, space: 's', role: 'any', ...more } as Parameters<
    typeof createEmbeddings
  >[0])

describe('createEmbeddings', () => {
  it('keeps a Float32Array, and converts other arrays of numbers', () => {
    const data = Float32Array.of(1, 2, 3, 4)
    expect(make(data).data).toBe(data)
    for (const kind of [Float64Array, Int8Array, Uint8ClampedArray, Uint32Array])
      expect(make(kind.of(1, 2, 3, 4)).data).toEqual(data)
    expect(make([1, 2, 3, 4]).data).toEqual(data)
  })

  it.each<[string, unknown, Record<string, unknown>, string]>([
    ['text', '1234', {}, 'embeddings/type'],
    ['big integers', BigInt64Array.of(1n, 2n, 3n, 4n), {}, 'embeddings/type'],
    ['bytes of a view', new DataView(new ArrayBuffer(16)), {}, 'embeddings/type'],
    [
      'rows of rows',
      [
        [1, 2],
        [3, 4],
      ],
      {},
      'embeddings/type',
    ],
    ['a hole', Object.assign([1, 2, 3, 4], { 2: undefined }), {}, 'embeddings/type'],
    ['nothing', undefined, {}, 'embeddings/type'],
    ['no space', [1, 2, 3, 4], { space: undefined }, 'embeddings/type'],
    ['an unknown role', [1, 2, 3, 4], { role: 'image' }, 'embeddings/type'],
    ['rows as text', [1, 2, 3, 4], { rows: '2' }, 'embeddings/shape'],
    ['no columns', [1, 2, 3, 4], { dim: 0 }, 'embeddings/shape'],
    ['too few', [1, 2, 3], {}, 'embeddings/shape'],
    ['beyond float32', [1, 2, 3, 1e39], {}, 'embeddings/not-finite'],
    ['not a number', Float64Array.of(1, 2, 3, Number.NaN), {}, 'embeddings/not-finite'],
  ])('refuses %s by name', (_, data, more, code) => {
    expect(() => make(data, more)).toThrow(expect.objectContaining({ code }))
  })
})
