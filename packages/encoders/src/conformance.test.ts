import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createGraphBuilder, type OnnxModel, writeModel } from '@lookalike/onnx'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeEncoder, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll } from 'vitest'
import { buildVit } from './builder/build-vit.js'
import plugins from './index.js'

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  fromPlugin(pluginOf(plugins, 'encoder', name), { threads: 1, ...options })

describeEncoder('builtin', create('builtin'), { variants: [create('builtin', { projection: { dim: 8 } })] })
describeEncoder('mini', create('mini'), { variants: [create('mini', { projection: { dim: 8 } })] })
describeEncoder('mini with a projection', create('mini', { projection: { dim: 8 } }), {
  variants: [create('mini', { projection: { dim: 8, seed: 5 } })],
})
describeEncoder('vit', create('vit', { imageSize: 16, patchSize: 8, dim: 12, depth: 1, heads: 2, seed: 1 }), {
  variants: [create('vit', { imageSize: 16, patchSize: 8, dim: 12, depth: 1, heads: 2, seed: 2 })],
})
describeEncoder('light', create('light', { maxBytes: 400_000, embeddingDim: 6, seed: 1 }), {
  variants: [create('light', { maxBytes: 400_000, embeddingDim: 6, seed: 2 })],
})
describeEncoder('conv-net', create('conv-net', { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 1 }), {
  variants: [create('conv-net', { imageSize: 16, widths: [8, 8], embeddingDim: 6, seed: 2 })],
})

/* Pretrained families in the layout of the hub, with networks of a few weights. */
const folder = await mkdtemp(path.join(tmpdir(), 'encoders-'))
afterAll(() => rm(folder, { recursive: true }))
const size = { imageSize: 16, patchSize: 4, dim: 8, depth: 1, heads: 2 } as const
const processor = { image_processor_type: 'ViTImageProcessor', size: 16, resample: 3 }
async function repository(name: string, config: object, model: OnnxModel, file = 'model'): Promise<string> {
  const files = {
    'config.json': JSON.stringify(config),
    'preprocessor_config.json': JSON.stringify(processor),
    [`onnx/${file}.onnx`]: writeModel(model),
  }
  for (const [at, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name, at)), { recursive: true })
    await writeFile(path.join(folder, name, at), content)
  }
  return path.join(folder, name)
}

/** A vision tower that gives a vector of its own: the mean of each colour. */
function tower(output: string): OnnxModel {
  const g = createGraphBuilder()
  const pixels = g.input('pixel_values', 'float32', ['N', 3, 16, 16])
  g.output(g.reshape(pixels, [0, 3, 256]), 'last_hidden_state', { shape: ['N', 3, 256] })
  g.output(g.flatten(g.globalAveragePool(pixels)), output, { shape: ['N', 3] })
  return g.build()
}
const tokens = (seed: number, options: object = {}) => buildVit({ ...size, ...options, pooling: 'none', seed })

const vit = { model_type: 'vit' }
const vits = [await repository('vit', vit, tokens(1)), await repository('vit-2', vit, tokens(2))]
const onnxFile = (of: string) => path.join(of, 'onnx', 'model.onnx')
const distilled = await repository('distilled', { model_type: 'deit' }, tokens(1, { distillation: true }))
const dinov2 = await repository(
  'dinov2',
  { model_type: 'dinov2_with_registers', num_register_tokens: 4 },
  tokens(1, { registers: 4 }),
)

describeEncoder('onnx', create('onnx', { model: onnxFile(vits[0]!), pooling: 'mean' }), {
  variants: [
    create('onnx', { model: onnxFile(vits[0]!), pooling: 'class-token' }),
    create('onnx', { model: onnxFile(vits[1]!), pooling: 'mean' }),
  ],
})
describeEncoder('deit', create('deit', { model: vits[0] }), { variants: [create('deit', { model: vits[1] })] })
describeEncoder('deit-distilled', create('deit-distilled', { model: distilled }))
describeEncoder('pretrained-vit', create('pretrained-vit', { model: vits[0] }), {
  variants: [create('pretrained-vit', { model: vits[0], pooling: 'mean' })],
})
describeEncoder('dino', create('dino', { model: vits[0] }), { variants: [create('dino', { model: vits[1] })] })
describeEncoder('dinov2', create('dinov2', { model: dinov2 }), {
  variants: [create('dinov2', { model: dinov2, pooling: 'mean' })],
})
describeEncoder(
  'dinov3',
  create('dinov3', {
    model: await repository(
      'dinov3',
      { model_type: 'dinov3_vit', num_register_tokens: 4 },
      tokens(1, { registers: 4 }),
    ),
  }),
)
describeEncoder(
  'clip',
  create('clip', { model: await repository('clip', { model_type: 'clip' }, tower('image_embeds'), 'vision_model') }),
)
describeEncoder(
  'siglip',
  create('siglip', {
    model: await repository('siglip', { model_type: 'siglip' }, tower('pooler_output'), 'vision_model'),
  }),
)
