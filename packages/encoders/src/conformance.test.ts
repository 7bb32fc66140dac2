import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeEncoder, describePlugins } from '@lookalike/testkit/vitest'
import plugins from './index.js'

/* Pretrained presets are the "onnx" encoder with files of their own: their own tests run them. */

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) => fromPlugin(pluginOf(plugins, 'encoder', name), { threads: 1, ...options })

describeEncoder('mini', create('mini'), { variants: [create('mini', { projection: { dim: 8 } })] })
describeEncoder('mini with a projection', create('mini', { projection: { dim: 8 } }), { variants: [create('mini', { projection: { dim: 8, seed: 5 } })] })
describeEncoder('vit', create('vit', { imageSize: 16, patchSize: 8, dim: 12, depth: 1, heads: 2, seed: 1 }), {
  variants: [create('vit', { imageSize: 16, patchSize: 8, dim: 12, depth: 1, heads: 2, seed: 2 })],
})
describeEncoder('conv-net', create('conv-net', { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 1 }), {
  variants: [create('conv-net', { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 2 })],
})
