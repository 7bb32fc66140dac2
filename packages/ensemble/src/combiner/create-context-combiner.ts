import { type Combiner, createEmbeddings, type Embeddings, type Encoder, LookalikeError } from '@lookalike/core'
import { checkMembers } from './check-members.js'
import {
  combinedDim,
  combineGalleryRows,
  combineQueryRows,
  type EnsembleModel,
  ensembleSpace,
  type Source,
  sourcesOf,
} from './ensemble-model.js'

/**
 * An ensemble as one vector an image. Heads cost one run of their base, whatever their number; a member with a network of its own costs a run of that.
 *
 * @param encoders one for each of the query's `sourcesOf`, in their order
 * @throws `ensemble/space` when an encoder, its weights or its preprocessing are not those of the training; from combining, `ensemble/members`.
 */
export function createContextCombiner(model: EnsembleModel, encoders: readonly Encoder[]): Combiner {
  const sources = sourcesOf(model, 'query')
  sources.forEach((source, at) => checkSpace(model, source, encoders[at]))
  const ofGallery = new Set(sourcesOf(model, 'gallery').map(keyOf))
  const dim = combinedDim(model)
  const space = ensembleSpace(model)
  const galleryEncoders = encoders.filter((_, at) => ofGallery.has(keyOf(sources[at]!)))
  const dataOf = (members: readonly Embeddings[], from: readonly Encoder[]) => {
    checkMembers(members, from)
    return members.map(({ data }) => data)
  }
  return {
    specVersion: 'v1',
    name: 'context-ensemble',
    queryEncoders: encoders,
    galleryEncoders,
    dim,
    space,
    combineQuery: async (members) => ({
      embeddings: createEmbeddings({
        data: combineQueryRows(model, dataOf(members, encoders)),
        rows: members[0]!.rows,
        dim,
        space,
        role: 'query',
      }),
    }),
    combineGallery: async (members) => ({
      embeddings: createEmbeddings({
        data: combineGalleryRows(model, dataOf(members, galleryEncoders)),
        rows: members[0]!.rows,
        dim,
        space,
        role: 'gallery',
      }),
    }),
    async dispose() {
      for (const encoder of encoders) await encoder.dispose()
    },
  }
}

const keyOf = (source: Source) => (source.kind === 'base' ? `base ${source.base}` : `member ${source.member}`)

function checkSpace({ bases, members }: EnsembleModel, source: Source, encoder: Encoder | undefined): void {
  const member = source.kind === 'member' ? members[source.member] : undefined
  const wanted = member?.form === 'network' ? member.space : bases[source.kind === 'base' ? source.base : 0]!.space
  if (encoder?.space === wanted) return
  throw new LookalikeError(
    'ensemble/space',
    {
      problem: `${member ? `The member of the context ${member.context} makes` : 'The members were trained on'} ${wanted}, and ${encoder ? `the encoder "${encoder.name}" makes ${encoder.space}` : 'there is no encoder for it'}`,
      expected: 'the same encoder with the same weights and preprocessing',
      fix: member
        ? 'Copy the whole folder of the run, or train the ensemble again.'
        : 'Name the encoder of the training run in "encoder", or train the ensemble again.',
    },
    { fields: { wanted, given: encoder?.space } },
  )
}
