import type { Weight } from './weights.js'

/** The layers whose outputs a block's two scales multiply. */
const SCALED = { ls1: 'attn.proj', ls2: 'mlp.fc2' } as const

/**
 * Folds the scales of LayerScale (Touvron et al. 2021, Going deeper with image transformers, equation 8), which DINOv2 has, into the linear
 * layers before them: `scale * (W x + b)` is `(scale W) x + scale b`. The network then needs none.
 *
 * @param weights Under timm's names, linear layers as `[outputs, inputs]`.
 */
export function foldLayerScale(weights: ReadonlyMap<string, Weight>): Map<string, Weight> {
  const folded = new Map(weights)
  for (const [name, scale] of weights) {
    const match = /^(blocks\.\d+\.)(ls[12])\.gamma$/.exec(name)
    if (!match) continue
    const layer = `${match[1]}${SCALED[match[2] as keyof typeof SCALED]}`
    for (const part of ['weight', 'bias']) {
      const found = folded.get(`${layer}.${part}`)
      if (found) folded.set(`${layer}.${part}`, scaleRows(found, scale.data))
    }
    folded.delete(name)
  }
  return folded
}

function scaleRows({ shape, data }: Weight, scale: Float32Array): Weight {
  const width = data.length / scale.length
  return { shape, data: data.map((value, at) => value * scale[Math.floor(at / width)]!) }
}
