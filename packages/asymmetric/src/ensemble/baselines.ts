import { createHash } from 'node:crypto'
import {
  type Baseline,
  type Combiner,
  createEmbeddings,
  type Embeddings,
  type Encoder,
  unitRows,
} from '@lookalike/core'
import type { CrossModelOptions, EnsembleParts } from '../cross-model-options.js'
import { buildLinear } from '../transforms/build-linear.js'
import type { Transform } from '../transforms/transform.js'

/**
 * What a cross-model ensemble has to beat: its parts used in other ways. Averages are there when all gallery models have as many
 * dimensions, the weighted one when all have a quality.
 *
 * @param ensemble members as an ensemble of their own
 */
export function listBaselines(
  { query, members, weighting = 'mean', similarity = 'cosine', likelihood, distilled }: CrossModelOptions,
  ensemble: (parts: EnsembleParts) => Combiner,
): Baseline[] {
  const encoders = members.map(({ encoder }) => encoder)
  const qualities = members.flatMap(({ quality }) => (quality === undefined ? [] : [quality]))
  const several = members.length > 1
  const sameDim = encoders.every(({ dim }) => dim === encoders[0]!.dim)
  const otherWeighting = weighting === 'mean' ? 'agreement' : 'mean'
  const otherSimilarity = similarity === 'cosine' ? 'likelihood' : 'cosine'
  const as = (of: typeof similarity) => ({ likelihood: of === 'likelihood' ? likelihood : undefined })
  const light = { name: query.name, encoder: query, transform: identity(query.dim) }
  return [
    ...(members.length > 2
      ? [
          {
            name: `weighting: ${otherWeighting}`,
            combiner: ensemble({ members, weighting: otherWeighting, ...as(similarity) }),
          },
        ]
      : []),
    ...(likelihood
      ? [{ name: `similarity: ${otherSimilarity}`, combiner: ensemble({ members, weighting, ...as(otherSimilarity) }) }]
      : []),
    sameOnBothSides('query model on both sides', query),
    ...(likelihood
      ? [
          {
            name: 'query model on both sides, likelihood',
            combiner: ensemble({ members: [light], weighting: 'mean', likelihood }),
          },
        ]
      : []),
    ...(distilled ? [sameOnBothSides('distilled query model on both sides', distilled)] : []),
    ...(several
      ? members.map((member) => ({
          name: `${member.name} alone, transformed`,
          combiner: ensemble({ members: [member], weighting: 'mean', ...as(similarity) }),
        }))
      : []),
    ...members.map(({ name, encoder }) => sameOnBothSides(`${name} on both sides`, encoder)),
    ...(several && sameDim ? [average(encoders)] : []),
    ...(several && sameDim && qualities.length === members.length ? [average(encoders, qualities)] : []),
    ...(several ? [concatenation(encoders)] : []),
  ]
}

function identity(dim: number): Transform {
  return buildLinear(
    'identity',
    Float32Array.from({ length: dim * dim }, (_, i) => (i % (dim + 1) === 0 ? 1 : 0)),
    dim,
    dim,
  )
}

/** One encoder for queries and gallery. */
function sameOnBothSides(name: string, encoder: Encoder): Baseline {
  return {
    name,
    combiner: untransformed(name, [encoder], encoder.dim, encoder.space, ([given]) =>
      unitRows(given!.data, encoder.dim),
    ),
  }
}

/** Unit vectors of all encoders side by side, on both sides: the inner product is the mean of the encoders' cosines. */
function concatenation(encoders: readonly Encoder[]): Baseline {
  const dim = encoders.reduce((sum, encoder) => sum + encoder.dim, 0)
  const combine = (given: readonly Embeddings[]) => {
    const parts = given.map((part) => unitRows(part.data, part.dim))
    const scale = 1 / Math.sqrt(parts.length)
    const data = new Float32Array(given[0]!.rows * dim)
    for (let row = 0, at = 0; row < given[0]!.rows; row++) {
      for (const [k, part] of parts.entries()) {
        const width = given[k]!.dim
        for (let i = 0; i < width; i++) data[at++] = part[row * width + i]! * scale
      }
    }
    return data
  }
  return {
    name: 'concatenation of untransformed spaces',
    combiner: untransformed('concatenation', encoders, dim, spaceOf('concatenation', encoders), combine),
  }
}

/**
 * The normalised sum of the encoders' unit vectors, on both sides, as if their spaces were one. They all have the same length.
 *
 * @param weights one an encoder; alike without them
 */
function average(encoders: readonly Encoder[], weights?: readonly number[]): Baseline {
  const kind = weights ? 'weighted average' : 'average'
  const { dim } = encoders[0]!
  const combine = (given: readonly Embeddings[]) => {
    const sum = new Float32Array(given[0]!.rows * dim)
    for (const [k, part] of given.entries()) {
      const unit = unitRows(part.data, dim)
      for (let i = 0; i < sum.length; i++) sum[i]! += unit[i]! * (weights?.[k] ?? 1)
    }
    return unitRows(sum, dim)
  }
  return {
    name: `${kind} of untransformed spaces`,
    combiner: untransformed(kind, encoders, dim, spaceOf(`${kind} ${weights?.join(' ') ?? ''}`, encoders), combine),
  }
}

function spaceOf(kind: string, encoders: readonly Encoder[]): string {
  return `${kind}@${createHash('sha256')
    .update([kind, ...encoders.map(({ space }) => space)].join('\n'))
    .digest('hex')
    .slice(0, 16)}`
}

/** The same for queries and gallery. It owns no encoder. */
function untransformed(
  name: string,
  encoders: readonly Encoder[],
  dim: number,
  space: string,
  combine: (given: readonly Embeddings[]) => Float32Array,
): Combiner {
  const combined = <R extends 'query' | 'gallery'>(given: readonly Embeddings[], role: R) => ({
    embeddings: createEmbeddings({ data: combine(given), rows: given[0]!.rows, dim, space, role }),
  })
  return {
    specVersion: 'v1',
    name,
    queryEncoders: encoders,
    galleryEncoders: encoders,
    dim,
    space,
    combineQuery: async (given) => combined(given, 'query'),
    combineGallery: async (given) => combined(given, 'gallery'),
    dispose: async () => {},
  }
}
