import type { Weight, Weights } from './weights.js'

/** Hugging Face's names of ViT, DeiT and DINOv2 (left) and timm's (right); `#` is a block's number. */
const HUGGING_FACE: readonly (readonly [string, string])[] = [
  ['embeddings.cls_token', 'cls_token'],
  ['embeddings.distillation_token', 'dist_token'],
  ['embeddings.register_tokens', 'reg_token'],
  ['embeddings.position_embeddings', 'pos_embed'],
  ['embeddings.patch_embeddings.projection', 'patch_embed.proj'],
  ['encoder.layer.#.layernorm_before', 'blocks.#.norm1'],
  ['encoder.layer.#.layernorm_after', 'blocks.#.norm2'],
  // DINOv2's.
  ['encoder.layer.#.norm1', 'blocks.#.norm1'],
  ['encoder.layer.#.norm2', 'blocks.#.norm2'],
  ['encoder.layer.#.layer_scale1.lambda1', 'blocks.#.ls1.gamma'],
  ['encoder.layer.#.layer_scale2.lambda1', 'blocks.#.ls2.gamma'],
  ['encoder.layer.#.mlp.fc1', 'blocks.#.mlp.fc1'],
  ['encoder.layer.#.mlp.fc2', 'blocks.#.mlp.fc2'],
  ['encoder.layer.#.attention.attention.query', 'blocks.#.attn.q'],
  ['encoder.layer.#.attention.attention.key', 'blocks.#.attn.k'],
  ['encoder.layer.#.attention.attention.value', 'blocks.#.attn.v'],
  ['encoder.layer.#.attention.output.dense', 'blocks.#.attn.proj'],
  ['encoder.layer.#.intermediate.dense', 'blocks.#.mlp.fc1'],
  ['encoder.layer.#.output.dense', 'blocks.#.mlp.fc2'],
  ['layernorm', 'norm'],
  ['classifier', 'head'],
  ['cls_classifier', 'head'],
  ['distillation_classifier', 'head_dist'],
]

const RULES = HUGGING_FACE.map(([from, to]) => ({
  pattern: new RegExp(`^${from.replaceAll('.', '\\.').replace('#', '(\\d+)')}(\\.weight|\\.bias)?$`),
  to: to.replace('#', '$1'),
  numbered: from.includes('#'),
}))

/**
 * Weights of a ViT or DeiT under timm's names, whatever they were called: prefixes such as `vit.`, `deit.`, `model.` or `module.` go, Hugging Face's
 * names are translated, and query, key and value become one `qkv`.
 */
export function timmNames(weights: Weights): Map<string, Weight> {
  const renamed = new Map<string, Weight>()
  for (const [name, weight] of weights) renamed.set(timmName(name), weight)
  return joinAttention(renamed)
}

function timmName(name: string): string {
  const bare = name.replace(/^(?:module\.|model\.|backbone\.|vit\.|deit\.|dinov2\.|dinov2_with_registers\.)+/, '')
  for (const { pattern, to, numbered } of RULES) {
    const match = pattern.exec(bare)
    if (match) return numbered ? to.replace('$1', match[1]!) + (match[2] ?? '') : to + (match[1] ?? '')
  }
  return bare
}

/** `attn.q`, `attn.k`, `attn.v` stacked along the outputs, in this order. */
function joinAttention(weights: Map<string, Weight>): Map<string, Weight> {
  const joined = new Map<string, Weight>()
  for (const [name, weight] of weights) {
    const match = /^(blocks\.\d+\.attn\.)([qkv])(\.weight|\.bias)$/.exec(name)
    if (!match) {
      joined.set(name, weight)
      continue
    }
    const parts = ['q', 'k', 'v'].map((part) => weights.get(match[1]! + part + match[3]!))
    if (parts.includes(undefined)) joined.set(name, weight)
    else if (match[2] === 'q') joined.set(`${match[1]}qkv${match[3]}`, stack(parts as Weight[]))
  }
  return joined
}

function stack(parts: readonly Weight[]): Weight {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  const [, ...rest] = parts[0]!.shape
  return { shape: [parts.reduce((sum, part) => sum + part.shape[0]!, 0), ...rest], data }
}
