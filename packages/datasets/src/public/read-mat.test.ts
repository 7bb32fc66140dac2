import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readMat } from './read-mat.js'

const bytes = readFileSync(fileURLToPath(new URL('../../fixtures/values.mat', import.meta.url)))

describe('readMat', () => {
  it('reads text, numbers, cells and structs', () => {
    expect(Object.fromEntries(readMat(bytes, 'values.mat'))).toEqual({
      text: 'blue-grey',
      // In column order, as MATLAB keeps matrices.
      numbers: [1.5, 3, -2, 4],
      long: [2 ** 40],
      nested: [{ name: 'deep', value: [7] }],
      cells: ['AM General Hummer SUV 2000', 'Audi TT Hatchback 2011', 'smart fortwo Convertible 2012'],
      empty: [],
    })
  })

  it('refuses other files and damaged ones', () => {
    for (const bad of [Buffer.from('short'), Buffer.alloc(300), bytes.subarray(0, 310)]) {
      expect(() => readMat(bad, 'x.mat')).toThrow(
        expect.objectContaining({ code: 'dataset/bad-mat', message: expect.stringContaining('x.mat') }),
      )
    }
  })
})
