import { createHash } from 'node:crypto'
import { type Combiner, createEmbeddings, type Encoder, LookalikeError } from '@lookalike/core'
import { writeModel } from '@lookalike/onnx'
import type { CrossModelMember, CrossModelOptions, EnsembleParts, Similarity } from './cross-model-options.js'
import { listBaselines } from './ensemble/baselines.js'
import { combineMembers, meanOfMembers, pairwiseUncertainty, type Weighting } from './ensemble/combine-members.js'
import { wrongModel } from './lazy-encoder.js'
import { createTransformer, type Transformer } from './transforms/create-transformer.js'
import type { Transform } from './transforms/transform.js'

export interface CrossModel extends Combiner {
  readonly galleryMembers: readonly string[]
}

/**
 * A light query model and N gallery models as one (Linial et al., WACV 2024, arXiv 2303.17531): a query is the light model's unit
 * vector, a gallery image the normalised mean of its N embeddings, each mapped into the light model's space; with the similarity `likelihood`
 * the mean is not normalised but put where `fitLikelihood` says. Gallery images get their mean pairwise cosine distance as uncertainty, when N is above 1.
 *
 * @throws `asymmetric/no-members`, `asymmetric/member-name`, `asymmetric/dim` when a transform fits neither its model nor the query model,
 * `asymmetric/no-likelihood`.
 */
export async function crossModel(options: CrossModelOptions): Promise<CrossModel> {
  const { query, members, weighting = 'mean', similarity = 'cosine', likelihood, distilled, threads } = options
  check(query, members)
  checkLikelihood(query, similarity, likelihood)
  const opened = new Map<Transform, Promise<Transformer>>()
  const open = (transform: Transform) => {
    const transformer = opened.get(transform) ?? createTransformer(transform, { threads })
    opened.set(transform, transformer)
    return transformer
  }
  const ensemble = (parts: EnsembleParts) => ensembleOf(query, parts, open)
  return {
    ...ensemble({ members, weighting, likelihood: similarity === 'likelihood' ? likelihood : undefined }),
    galleryMembers: members.map(({ name }) => name),
    baselines: async () => listBaselines(options, ensemble),
    async dispose() {
      for (const transformer of await Promise.allSettled(opened.values()))
        if (transformer.status === 'fulfilled') await transformer.value.dispose()
      opened.clear()
      for (const encoder of new Set([
        query,
        ...members.map((member) => member.encoder),
        ...(distilled ? [distilled] : []),
      ]))
        await encoder.dispose()
    },
  }
}

/** It owns neither encoders nor transformers. */
function ensembleOf(
  query: Encoder,
  { members, weighting, likelihood }: EnsembleParts,
  open: (transform: Transform) => Promise<Transformer>,
): Combiner {
  const { dim } = query
  const space = spaceOf(query, members, weighting, likelihood)
  return {
    specVersion: 'v1',
    name: 'cross-model',
    queryEncoders: [query],
    galleryEncoders: members.map(({ encoder }) => encoder),
    dim,
    space,
    async combineQuery([given, ...more]) {
      if (more.length > 0) throw surplus(more.length + 1, 1)
      if (given?.space !== query.space) throw wrongModel(query.name, query.space, given?.space ?? 'nothing')
      return {
        embeddings: createEmbeddings({
          data: combineMembers([given.data], dim, 'mean'),
          rows: given.rows,
          dim,
          space,
          role: 'query',
        }),
      }
    },
    async combineGallery(given) {
      if (given.length > members.length) throw surplus(given.length, members.length)
      const mapped: Float32Array[] = []
      for (const [k, { name, encoder, transform }] of members.entries()) {
        const part = given[k]
        if (!part) throw missingMember(name)
        if (part.space !== encoder.space) throw wrongModel(name, encoder.space, part.space)
        if (part.rows !== given[0]!.rows) throw unpaired(given[0]!.rows, name, part.rows)
        mapped.push(await (await open(transform)).apply(part.data))
      }
      const uncertainty = pairwiseUncertainty(mapped, dim)
      const data = likelihood
        ? await (await open(likelihood)).apply(meanOfMembers(mapped, dim, weighting))
        : combineMembers(mapped, dim, weighting)
      return {
        embeddings: createEmbeddings({ data, rows: given[0]!.rows, dim, space, role: 'gallery' }),
        uncertainty,
      }
    },
    dispose: async () => {},
  }
}

function check(query: Encoder, members: readonly CrossModelMember[]): void {
  if (members.length === 0)
    throw new LookalikeError('asymmetric/no-members', {
      problem: 'No gallery models were given',
      expected: 'one or more',
    })
  const seen = new Set<string>()
  for (const { name, encoder, transform } of members) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || seen.has(name)) {
      throw new LookalikeError(
        'asymmetric/member-name',
        {
          problem: `A gallery model is named "${name}"${seen.has(name) ? ' as another one is' : ''}`,
          expected: 'a name of its own of lower-case letters, digits and hyphens',
        },
        { fields: { member: name } },
      )
    }
    seen.add(name)
    if (transform.inputDim === encoder.dim && transform.outputDim === query.dim) continue
    throw new LookalikeError(
      'asymmetric/dim',
      {
        problem: `The transform of "${name}" maps ${transform.inputDim} to ${transform.outputDim} dimensions; its model has ${encoder.dim}, the query model ${query.dim}`,
        expected: `a transform from ${encoder.dim} to ${query.dim} dimensions`,
        fix: 'Train the transforms with these models.',
      },
      { fields: { member: name } },
    )
  }
}

function checkLikelihood(query: Encoder, similarity: Similarity, likelihood: Transform | undefined): void {
  if (likelihood ? likelihood.inputDim === query.dim && likelihood.outputDim === query.dim : similarity === 'cosine')
    return
  throw new LookalikeError('asymmetric/no-likelihood', {
    problem: likelihood
      ? `The likelihood was learned for ${likelihood.inputDim} dimensions; the query model has ${query.dim}`
      : 'The similarity "likelihood" was asked for, and none was learned',
    expected:
      "what training learned from this query model's embeddings and the labels of at least one class with two images",
    fix: 'Train the transforms again with labelled images, or set "similarity" to "cosine".',
  })
}

function surplus(given: number, wanted: number): LookalikeError {
  return new LookalikeError('asymmetric/members', {
    problem: `Embeddings of ${given} models were given`,
    expected: `${wanted}, in the order of the encoders`,
  })
}

/** The same models, weights and transforms make the same space on every machine. */
function spaceOf(
  query: Encoder,
  members: readonly CrossModelMember[],
  weighting: Weighting,
  likelihood: Transform | undefined,
): string {
  const hash = createHash('sha256').update(`${query.space}\n${weighting}\n`)
  for (const { encoder, transform } of members) hash.update(`${encoder.space}\n`).update(writeModel(transform.model))
  if (likelihood) hash.update('likelihood\n').update(writeModel(likelihood.model))
  return `cross-model(${query.name}, ${members.map(({ name }) => name).join('+')})@${hash.digest('hex').slice(0, 16)}`
}

function missingMember(name: string): LookalikeError {
  return new LookalikeError(
    'asymmetric/member-missing',
    {
      problem: `There are no embeddings of the gallery model "${name}"`,
      expected: 'embeddings of every gallery model',
      fix: 'Index the images again with all gallery models, or leave this one out.',
    },
    { fields: { member: name } },
  )
}

function unpaired(rows: number, name: string, given: number): LookalikeError {
  return new LookalikeError(
    'asymmetric/unpaired',
    {
      problem: `${given} embeddings of "${name}" came with ${rows} of the first gallery model`,
      expected: 'one an image of each',
    },
    { fields: { member: name } },
  )
}
