import { LookalikeError } from '@lookalike/core'
import type { OnnxModel } from '@lookalike/onnx'
import * as z from 'zod'
import { buildVit } from '../builder/build-vit.js'
import { fillVit } from './load-vit-weights.js'
import type { Weights } from './weights.js'

const whole = z.int().positive()

/** What a `config.json` says of the transformers that can be built: ViT, DeiT, DINO and DINOv2. */
const schema = z.looseObject({
  model_type: z.enum(['vit', 'deit', 'dinov2', 'dinov2_with_registers']),
  hidden_size: whole.default(768),
  num_hidden_layers: whole.default(12),
  num_attention_heads: whole.default(12),
  intermediate_size: whole.nullish(),
  mlp_ratio: z.number().positive().nullish(),
  patch_size: whole.nullish(),
  layer_norm_eps: z.number().positive().nullish(),
  hidden_act: z.literal('gelu').default('gelu'),
  qkv_bias: z.literal(true).default(true),
  num_channels: z.literal(3).default(3),
  use_swiglu_ffn: z.literal(false).default(false),
  num_register_tokens: z.int().min(0).nullish(),
})

/**
 * The network that a repository's `config.json` and weights describe, as ONNX: all tokens of images of a size, `last_hidden_state`
 * `[N, tokens, dim]`. Positions of another image size are resized, as the reference implementation does it.
 *
 * @param source The weights' file, for errors.
 * @throws `encoder/config` naming the key that cannot be built, `weights/mismatch`
 */
export function vitOfConfig(
  config: unknown,
  weights: Weights,
  size: { readonly width: number; readonly height: number },
  source: string,
): OnnxModel {
  const parsed = schema.safeParse(config)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LookalikeError(
      'encoder/config',
      {
        problem: `No network can be built for ${source}: ${issue.path.join('.')} in config.json: ${issue.message}`,
        expected: 'a ViT, DeiT, DINO or DINOv2 with GELU',
        fix: 'Choose a repository with ONNX files, or export the model (optimum-cli export onnx).',
      },
      { fields: { source, key: issue.path.join('.') } },
    )
  }
  const given = parsed.data
  const isDinov2 = given.model_type.startsWith('dinov2')
  const network = buildVit({
    imageSize: [size.height, size.width],
    patchSize: given.patch_size ?? (isDinov2 ? 14 : 16),
    dim: given.hidden_size,
    depth: given.num_hidden_layers,
    heads: given.num_attention_heads,
    mlpRatio: isDinov2 ? (given.mlp_ratio ?? 4) : (given.intermediate_size ?? 3072) / given.hidden_size,
    distillation: [...weights.keys()].some((name) => /(^|\.)(distillation_token|dist_token)$/.test(name)),
    registers: given.num_register_tokens ?? (given.model_type === 'dinov2_with_registers' ? 4 : 0),
    epsilon: given.layer_norm_eps ?? (isDinov2 ? 1e-6 : 1e-12),
    pooling: 'none',
  })
  return fillVit(network, weights, source, 'resize').model
}
