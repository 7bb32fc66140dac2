import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, writeWhole } from '@lookalike/core'
import { z } from 'zod'
import { mapFeatures, type FeatureMap } from '../context/prepare-features.js'
import { unitRows } from '../context/member-gaps.js'
import { applyHead, type Head } from '../context/train-head.js'
import { weightsOf, type Weights } from '../weights/fit-weights.js'

/** One context-sensitive model: a head on the features that all members share. */
export interface EnsembleMember {
  readonly context: string
  readonly head: Head
  /** Share of the held-out triples of its own context that it gets right. */
  readonly localAccuracy: number
}

/** An ensemble of heads on one encoder: plain data. */
export interface EnsembleModel {
  /** The space of the encoder whose embeddings it takes; weights and preprocessing are part of it. */
  readonly encoderSpace: string
  readonly features: FeatureMap
  readonly members: readonly EnsembleMember[]
  readonly weights: Weights
}

export const ENSEMBLE_FILE = 'ensemble.json'
const FORMAT = 'lookalike-context-ensemble'

/** Length of the combined vector. */
export function combinedDim({ members }: EnsembleModel): number {
  return members.reduce((sum, { head }) => sum + head.dim, 0)
}

/** Gallery side: the members' unit embeddings side by side, `[rows, combinedDim]`. */
export function combineGalleryRows(model: EnsembleModel, embeddings: Float32Array): Float32Array {
  const features = mapFeatures(model.features, embeddings)
  const rows = features.length / model.features.pca.dim
  const dim = combinedDim(model)
  const combined = new Float32Array(rows * dim)
  let offset = 0
  for (const { head } of model.members) {
    const unit = unitRows(applyHead(head, features), head.dim)
    for (let row = 0; row < rows; row++) combined.set(unit.subarray(row * head.dim, (row + 1) * head.dim), row * dim + offset)
    offset += head.dim
  }
  return combined
}

/** Query side: each member's part times `w_k(R)`, so that the inner product is `sum_k w_k(R) cos(e_k(R), e_k(X))`. */
export function combineQueryRows(model: EnsembleModel, embeddings: Float32Array): Float32Array {
  const combined = combineGalleryRows(model, embeddings)
  const weights = weightsOf(model.weights, mapFeatures(model.features, embeddings), model.features.pca.dim)
  const dim = combinedDim(model)
  for (let row = 0; row * dim < combined.length; row++) {
    let at = row * dim
    model.members.forEach(({ head }, k) => {
      const weight = weights[row * model.members.length + k]!
      for (let i = 0; i < head.dim; i++) combined[at++]! *= weight
    })
  }
  return combined
}

/** Writes the whole ensemble as one file of the folder, or nothing. */
export async function writeEnsemble(folder: string, model: EnsembleModel): Promise<string> {
  const file = path.join(folder, ENSEMBLE_FILE)
  await writeWhole(file, `${encode({ format: FORMAT, version: 1, ...model })}\n`)
  return file
}

/** @throws `ensemble/file` when there is no ensemble or it is damaged. */
export async function readEnsemble(folder: string): Promise<EnsembleModel> {
  const file = path.join(folder, ENSEMBLE_FILE)
  try {
    return fileSchema.parse(decode(await readFile(file, 'utf8'))) as EnsembleModel
  } catch (cause) {
    throw new LookalikeError(
      'ensemble/file',
      { problem: `${file} is no readable ensemble: ${(cause as Error).message.slice(0, 300)}`, expected: 'a folder that the trainer "context-ensemble" wrote', fix: 'Check the path, or train again.' },
      { fields: { file }, cause },
    )
  }
}

/** The same for the same vectors: encoder, members and weights. */
export function ensembleSpace(model: EnsembleModel): string {
  return `context-ensemble@${createHash('sha256').update(encode(model)).digest('hex').slice(0, 16)}`
}

const floats = z.instanceof(Float32Array)
const whole = z.int().min(0)
const pca = z.object({ inputDim: whole, dim: whole, mean: floats, components: floats, variances: floats })
const fileSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  encoderSpace: z.string(),
  features: z.object({ pca, scale: z.number() }),
  members: z
    .array(z.object({ context: z.string(), localAccuracy: z.number(), head: z.object({ inputDim: whole, dim: whole, weight: floats }) }))
    .min(1),
  weights: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('constant'), values: floats }),
    z.object({
      kind: z.literal('credibility-map'), pca,
      map: z.object({ grid: whole, members: whole, range: z.tuple([z.number(), z.number(), z.number(), z.number()]), weights: floats }),
    }),
    z.object({
      kind: z.literal('mlp'), pca,
      mlp: z.object({ inputDim: whole, hidden: whole, members: whole, scale: floats, inner: floats, innerBias: floats, outer: floats, outerBias: floats }),
    }),
  ]),
})

/** JSON with float arrays as base64 of little-endian float32. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    entry instanceof Float32Array ? { float32: Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString('base64') } : entry,
  )
}

export function decode(text: string): unknown {
  return JSON.parse(text, (_key, entry: unknown) => {
    const packed = typeof entry === 'object' && entry !== null ? (entry as { float32?: unknown }).float32 : undefined
    if (typeof packed !== 'string') return entry
    return new Float32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer)
  })
}
