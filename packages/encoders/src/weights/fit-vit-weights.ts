import { LookalikeError } from '@lookalike/core'
import type { Grid } from '@lookalike/onnx'
import { foldLayerScale } from './fold-layer-scale.js'
import { resizePositions } from './resize-positions.js'
import { timmNames } from './vit-weight-names.js'
import type { Weight, Weights } from './weights.js'

export interface FitOptions {
  /** The network's grid of patches. */
  readonly grid: Grid
  /** `resize`: interpolates position embeddings that were trained for another image size; `exact`: refuses them. */
  readonly positions: 'exact' | 'resize'
  /** Where the weights come from, for errors. */
  readonly source: string
}

export interface FittedWeights {
  /** By the builder's names and in its layout. */
  readonly weights: ReadonlyMap<string, Weight>
  /** Weights of the network that keep their first values: those of an embedding head that the source does not have. */
  readonly kept: readonly string[]
  /** Weights of the source that the network has no use for: classifiers and poolers. */
  readonly unused: readonly string[]
}

const HEAD = /^head(_dist)?\./
const HARMLESS = /^(head(_dist)?|pooler\.dense|pre_logits\.fc|embeddings\.mask_token|mask_token)(\.|$)/

/**
 * Matches the pretrained weights of a ViT or DeiT, under timm's or Hugging Face's names and in PyTorch's layout, with the weights that the
 * builder's network wants.
 *
 * @throws `weights/mismatch` listing what is missing, unexpected or of another shape.
 */
export function fitVitWeights(
  wanted: ReadonlyMap<string, readonly number[]>,
  given: Weights,
  options: FitOptions,
): FittedWeights {
  const source = foldLayerScale(timmNames(given))
  const weights = new Map<string, Weight>()
  const kept: string[] = []
  const missing: string[] = []
  const misshapen: string[] = []
  for (const [name, shape] of wanted) {
    const found = source.get(name)
    const fitted = found && fit(name, shape, found, options)
    if (fitted) weights.set(name, fitted)
    else if (HEAD.test(name)) kept.push(name)
    else if (found) misshapen.push(`${name} is [${found.shape.join(', ')}], not ${describe(name, shape)}`)
    else missing.push(name)
  }
  const unknown = [...source.keys()].filter((name) => !weights.has(name))
  const unexpected = unknown.filter((name) => !wanted.has(name) && !HARMLESS.test(name))
  if (missing.length + misshapen.length + unexpected.length > 0)
    throw mismatch(options.source, { missing, misshapen, unexpected })
  return { weights, kept, unused: unknown }
}

function fit(
  name: string,
  shape: readonly number[],
  found: Weight,
  { grid, positions }: FitOptions,
): Weight | undefined {
  if (shape.length === 2) return fitLinear(shape as readonly [number, number], found)
  if (sameShape(shape, found.shape)) return found
  if (name === 'pos_embed' && positions === 'resize') return fitPositions(shape, found, grid)
  return undefined
}

/** PyTorch keeps `[outputs, inputs]` (and patches as `[outputs, 3, p, p]`), the builder `[inputs, outputs]`. */
function fitLinear([inputs, outputs]: readonly [number, number], { shape, data }: Weight): Weight | undefined {
  if (shape[0] !== outputs || data.length !== inputs * outputs) return undefined
  const transposed = new Float32Array(data.length)
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) transposed[i * outputs + o] = data[o * inputs + i]!
  }
  return { shape: [inputs, outputs], data: transposed }
}

function fitPositions(shape: readonly number[], found: Weight, grid: Grid): Weight | undefined {
  const prefix = shape[1]! - grid.rows * grid.columns
  const edge = Math.sqrt(found.shape[1]! - prefix)
  if (found.shape.length !== 3 || found.shape[2] !== shape[2] || !Number.isInteger(edge)) return undefined
  return resizePositions(found, prefix, { rows: edge, columns: edge }, grid)
}

const sameShape = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((n, i) => n === b[i])

function describe(name: string, shape: readonly number[]): string {
  const torch = shape.length === 2 ? [shape[1], shape[0]] : shape
  return `[${torch.join(', ')}]${name === 'pos_embed' ? ' (set positions to resize for another image size)' : ''}`
}

function mismatch(
  source: string,
  found: { missing: string[]; misshapen: string[]; unexpected: string[] },
): LookalikeError {
  const some = (label: string, list: string[]) =>
    list.length > 0 &&
    `${label}: ${list.slice(0, 5).join(', ')}${list.length > 5 ? ` and ${list.length - 5} more` : ''}`
  const parts = [
    some('missing', found.missing),
    some('of another shape', found.misshapen),
    some('unexpected', found.unexpected),
  ]
  return new LookalikeError(
    'weights/mismatch',
    {
      problem: `${source} does not fit the network; ${parts.filter(Boolean).join('; ')}`,
      expected: "a ViT or DeiT of the same size under timm's or Hugging Face's names",
      fix: 'Set dim, depth, heads, patchSize, imageSize, distillation and registers to what the weights were trained with.',
    },
    { fields: { source, ...found } },
  )
}
