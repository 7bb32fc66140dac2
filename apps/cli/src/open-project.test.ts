import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { withModel } from './open-project.js'

describe('withModel', () => {
  it('leaves the overrides alone where no model is given', () => {
    expect(withModel({ seed: '1' }, undefined)).toEqual({ seed: '1' })
  })

  it('comes first, so that options of the encoder are set in it, and takes the place of a combiner', () => {
    expect(Object.entries(withModel({ 'encoder.batchSize': '4', seed: '1' }, 'm.onnx'))).toEqual([
      ['encoder', { use: 'onnx', model: path.resolve('m.onnx') }],
      ['combiner', undefined],
      ['encoder.batchSize', '4'],
      ['seed', '1'],
    ])
  })

  it.each(['encoder', 'encoder.use', 'encoder.model', 'combiner', 'combiner.folder'])(
    'refuses --%s beside it',
    (key) => {
      expect(() => withModel({ [key]: 'x' }, 'm.onnx')).toThrow(`--model and --${key} both say what embeds`)
    },
  )
})
