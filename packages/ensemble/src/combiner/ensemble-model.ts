import { createHash } from 'node:crypto'
import { unitRows } from '@lookalike/core'
import { type FeatureMap, mapFeatures } from '../context/prepare-features.js'
import { applyHead, type Head } from '../context/train-head.js'
import { type Weights, weightsOf } from '../weights/fit-weights.js'
import { encode } from './packed-json.js'

/** An encoder that members start from. */
export interface EnsembleBase {
  readonly name: string
  /** Its weights and its preprocessing are part of it. */
  readonly space: string
  readonly features: FeatureMap
  /** Its network, relative to the ensemble's folder; absent where it is no ONNX network. */
  readonly file?: string | undefined
}

interface MemberFacts {
  readonly context: string
  /** Which of the bases it starts from. */
  readonly base: number
  /** Share of the held-out triples of its own context that it gets right. */
  readonly localAccuracy: number
}

/** A head on its base's features: costs next to nothing where the base runs anyway. */
export interface HeadMember extends MemberFacts {
  readonly form: 'head'
  readonly head: Head
}

/** A whole network: a fine-tuned copy of its base. */
export interface NetworkMember extends MemberFacts {
  readonly form: 'network'
  readonly name: string
  readonly space: string
  readonly dim: number
  /** Relative to the ensemble's folder. */
  readonly file: string
}

/** One context-sensitive model. */
export type EnsembleMember = HeadMember | NetworkMember

/** An ensemble: plain data beside the networks that it names. */
export interface EnsembleModel {
  readonly bases: readonly EnsembleBase[]
  readonly members: readonly EnsembleMember[]
  readonly weights: Weights
  /** The base whose features the weights look at. Default: the first. */
  readonly weightsBase?: number | undefined
}

/** A network that has to see an image: a base's or a member's own. */
export type Source =
  | { readonly kind: 'base'; readonly base: number }
  | { readonly kind: 'member'; readonly member: number }

/** Length of a member's embeddings. */
export function memberDim(member: EnsembleMember): number {
  return member.form === 'head' ? member.head.dim : member.dim
}

/** Length of the combined vector. */
export function combinedDim({ members }: EnsembleModel): number {
  return members.reduce((sum, member) => sum + memberDim(member), 0)
}

/** What embeds an image, in order: bases whose heads count, then members with networks of their own; for a query also what the weights look at. */
export function sourcesOf(
  { bases, members, weights, weightsBase = 0 }: EnsembleModel,
  role: 'query' | 'gallery',
): Source[] {
  const used = new Set(members.flatMap(({ form, base }) => (form === 'head' ? [base] : [])))
  if (role === 'query' && weights.kind !== 'constant') used.add(weightsBase)
  return [
    ...bases.flatMap((_, base): Source[] => (used.has(base) ? [{ kind: 'base', base }] : [])),
    ...members.flatMap(({ form }, member): Source[] => (form === 'network' ? [{ kind: 'member', member }] : [])),
  ]
}

/**
 * Gallery side: the members' unit embeddings side by side, `[rows, combinedDim]`.
 *
 * @param parts embeddings of each of the gallery's {@link sourcesOf}, row-major
 */
export function combineGalleryRows(model: EnsembleModel, parts: readonly Float32Array[]): Float32Array {
  return sideBySide(model, memberRows(model, 'gallery', parts).members)
}

/**
 * Query side: each member's part times `w_k(R)`, so that the inner product is `sum_k w_k(R) cos(e_k(R), e_k(X))`.
 *
 * @param parts embeddings of each of the query's {@link sourcesOf}, row-major
 */
export function combineQueryRows(model: EnsembleModel, parts: readonly Float32Array[]): Float32Array {
  const { members, features } = memberRows(model, 'query', parts)
  const rows = members[0]!.length / memberDim(model.members[0]!)
  const { weightsBase = 0 } = model
  const { dim } = model.bases[weightsBase]!.features.pca
  const weights = weightsOf(model.weights, features.get(weightsBase) ?? new Float32Array(rows * dim), dim)
  members.forEach((own, k) => {
    const width = memberDim(model.members[k]!)
    for (let at = 0; at < own.length; at++) own[at]! *= weights[Math.floor(at / width) * members.length + k]!
  })
  return sideBySide(model, members)
}

/** Unit rows of each member, and the features of the bases among the sources. */
function memberRows(model: EnsembleModel, role: 'query' | 'gallery', parts: readonly Float32Array[]) {
  const features = new Map<number, Float32Array>()
  const own = new Map<number, Float32Array>()
  sourcesOf(model, role).forEach((source, at) => {
    if (source.kind === 'base') features.set(source.base, mapFeatures(model.bases[source.base]!.features, parts[at]!))
    else own.set(source.member, parts[at]!)
  })
  const members = model.members.map((member, k) =>
    member.form === 'head'
      ? unitRows(applyHead(member.head, features.get(member.base)!), member.head.dim)
      : unitRows(own.get(k)!, member.dim),
  )
  return { members, features }
}

function sideBySide(model: EnsembleModel, members: readonly Float32Array[]): Float32Array {
  const dim = combinedDim(model)
  const rows = members[0]!.length / memberDim(model.members[0]!)
  const combined = new Float32Array(rows * dim)
  let offset = 0
  members.forEach((own, k) => {
    const width = memberDim(model.members[k]!)
    for (let row = 0; row < rows; row++) combined.set(own.subarray(row * width, (row + 1) * width), row * dim + offset)
    offset += width
  })
  return combined
}

/** The same for the same vectors: encoders, members and weights. */
export function ensembleSpace(model: EnsembleModel): string {
  return `context-ensemble@${createHash('sha256').update(encode(model)).digest('hex').slice(0, 16)}`
}
