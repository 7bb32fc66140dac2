import { createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { type FitOptions, fitVitWeights } from './fit-vit-weights.js'
import type { Weight } from './weights.js'

const random = createRandom('weights')
const weight = (...shape: number[]): Weight => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
})

/** What a network of one block, 4 dimensions and 2 x 2 patches of 2 pixels wants. */
const wanted = new Map<string, readonly number[]>([
  ['cls_token', [1, 1, 4]],
  ['pos_embed', [1, 5, 4]],
  ['patch_embed.proj.weight', [12, 4]],
  ['patch_embed.proj.bias', [4]],
  ['blocks.0.norm1.weight', [4]],
  ['blocks.0.norm1.bias', [4]],
  ['blocks.0.attn.qkv.weight', [4, 12]],
  ['blocks.0.attn.qkv.bias', [12]],
  ['blocks.0.attn.proj.weight', [4, 4]],
  ['blocks.0.attn.proj.bias', [4]],
  ['head.weight', [4, 3]],
  ['head.bias', [3]],
])
const timm = () =>
  new Map<string, Weight>([
    ['cls_token', weight(1, 1, 4)],
    ['pos_embed', weight(1, 5, 4)],
    ['patch_embed.proj.weight', weight(4, 3, 2, 2)],
    ['patch_embed.proj.bias', weight(4)],
    ['blocks.0.norm1.weight', weight(4)],
    ['blocks.0.norm1.bias', weight(4)],
    ['blocks.0.attn.qkv.weight', weight(12, 4)],
    ['blocks.0.attn.qkv.bias', weight(12)],
    ['blocks.0.attn.proj.weight', weight(4, 4)],
    ['blocks.0.attn.proj.bias', weight(4)],
    ['head.weight', weight(1000, 4)],
    ['head.bias', weight(1000)],
  ])
const options: FitOptions = { grid: { rows: 2, columns: 2 }, positions: 'exact', source: 'model.safetensors' }
const rows = (data: Float32Array, from: number, to: number, width: number) => data.slice(from * width, to * width)

describe('fitVitWeights', () => {
  it("takes timm's names, turns linear layers round and keeps the embedding head that a classifier does not fit", () => {
    const given = timm()
    const { weights, kept, unused } = fitVitWeights(wanted, given, options)
    const [turned, original] = [
      weights.get('blocks.0.attn.proj.weight')!.data,
      given.get('blocks.0.attn.proj.weight')!.data,
    ]
    expect([turned[1], turned[4], turned[14]]).toEqual([original[4], original[1], original[11]])
    // Pixel 7 of output 2 of the patch embedding.
    expect(weights.get('patch_embed.proj.weight')!.data[7 * 4 + 2]).toBe(
      given.get('patch_embed.proj.weight')!.data[2 * 12 + 7],
    )
    expect(weights.get('pos_embed')).toBe(given.get('pos_embed'))
    expect(kept).toEqual(['head.weight', 'head.bias'])
    expect(unused).toEqual(['head.weight', 'head.bias'])
  })

  it("gives the same from Hugging Face's names, whose query, key and value are apart", () => {
    const given = timm()
    const qkv = given.get('blocks.0.attn.qkv.weight')!.data
    const bias = given.get('blocks.0.attn.qkv.bias')!.data
    const part = (i: number) => ({ shape: [4, 4], data: rows(qkv, 4 * i, 4 * i + 4, 4) })
    const layer = 'vit.encoder.layer.0'
    const hf = new Map<string, Weight>([
      ['vit.embeddings.cls_token', given.get('cls_token')!],
      ['vit.embeddings.position_embeddings', given.get('pos_embed')!],
      ['vit.embeddings.patch_embeddings.projection.weight', given.get('patch_embed.proj.weight')!],
      ['vit.embeddings.patch_embeddings.projection.bias', given.get('patch_embed.proj.bias')!],
      [`${layer}.layernorm_before.weight`, given.get('blocks.0.norm1.weight')!],
      [`${layer}.layernorm_before.bias`, given.get('blocks.0.norm1.bias')!],
      ...['query', 'key', 'value'].flatMap((name, i): [string, Weight][] => [
        [`${layer}.attention.attention.${name}.weight`, part(i)],
        [`${layer}.attention.attention.${name}.bias`, { shape: [4], data: bias.slice(4 * i, 4 * i + 4) }],
      ]),
      [`${layer}.attention.output.dense.weight`, given.get('blocks.0.attn.proj.weight')!],
      [`${layer}.attention.output.dense.bias`, given.get('blocks.0.attn.proj.bias')!],
      ['classifier.weight', weight(1000, 4)],
      ['classifier.bias', weight(1000)],
      ['vit.pooler.dense.weight', weight(4, 4)],
    ])
    expect(fitVitWeights(wanted, hf, options).weights).toEqual(fitVitWeights(wanted, given, options).weights)
  })

  it('lists everything that does not fit', () => {
    const given = timm()
    given.delete('cls_token')
    given.set('blocks.0.attn.proj.weight', weight(6, 4))
    given.set('blocks.1.norm1.weight', weight(4))
    given.set('pos_embed', weight(1, 10, 4))
    expect(() => fitVitWeights(wanted, given, options)).toThrow(
      expect.objectContaining({
        code: 'weights/mismatch',
        fields: {
          source: 'model.safetensors',
          missing: ['cls_token'],
          unexpected: ['blocks.1.norm1.weight'],
          misshapen: [
            'pos_embed is [1, 10, 4], not [1, 5, 4] (set positions to resize for another image size)',
            'blocks.0.attn.proj.weight is [6, 4], not [4, 4]',
          ],
        },
      }),
    )
  })

  it('resizes positions when asked to: leading tokens stay, the patches are interpolated', () => {
    const given = timm()
    const ramp: Weight = { shape: [1, 65, 4], data: new Float32Array(65 * 4) }
    for (let i = 0; i < 64; i++)
      ramp.data.set([i % 8, Math.floor(i / 8), 1, (i % 8) + 10 * Math.floor(i / 8)], 4 * (i + 1))
    ramp.data.set([9, 8, 7, 6])
    given.set('pos_embed', ramp)
    const large = new Map(wanted).set('pos_embed', [1, 1 + 16 * 8, 4])
    const { weights } = fitVitWeights(large, given, { ...options, grid: { rows: 16, columns: 8 }, positions: 'resize' })
    const { data } = weights.get('pos_embed')!
    expect([...rows(data, 0, 1, 4)]).toEqual([9, 8, 7, 6])
    // Row 7 lies at 7.5 / 2 - 0.5 = 3.25: rows 2 to 5 count -0.10546875, 0.87890625, 0.26171875 and -0.03515625.
    const [x, y, one, sum] = rows(data, 1 + 7 * 8 + 3, 2 + 7 * 8 + 3, 4)
    expect(x).toBeCloseTo(3, 5)
    expect(y).toBeCloseTo(3.296875, 5)
    expect(one).toBeCloseTo(1, 5)
    expect(sum).toBeCloseTo(x! + 10 * y!, 4)
  })
})
