import { createEmbeddings, LookalikeError, type Combiner, type Embeddings, type Encoder } from '@lookalike/core'
import { combinedDim, combineGalleryRows, combineQueryRows, ensembleSpace, type EnsembleModel } from './ensemble-model.js'

/**
 * An ensemble as one vector an image: images are encoded once, whatever the number of members.
 *
 * @throws `ensemble/space` when the encoder, its weights or its preprocessing are not those that the members were trained on.
 */
export function createContextCombiner(model: EnsembleModel, encoder: Encoder): Combiner {
  if (encoder.space !== model.encoderSpace) {
    throw new LookalikeError(
      'ensemble/space',
      {
        problem: `The members were trained on ${model.encoderSpace}, and the encoder "${encoder.name}" makes ${encoder.space}`,
        expected: 'the same encoder with the same weights and preprocessing',
        fix: 'Name the encoder of the training run in "encoder", or train the ensemble again.',
      },
      { fields: { wanted: model.encoderSpace, given: encoder.space } },
    )
  }
  const dim = combinedDim(model)
  const space = ensembleSpace(model)
  const only = (members: readonly Embeddings[]) => members[0]!
  return {
    specVersion: 'v1',
    name: 'context-ensemble',
    queryEncoders: [encoder],
    galleryEncoders: [encoder],
    dim,
    space,
    combineQuery: async (members) => {
      const { data, rows } = only(members)
      return { embeddings: createEmbeddings({ data: combineQueryRows(model, data), rows, dim, space, role: 'query' }) }
    },
    combineGallery: async (members) => {
      const { data, rows } = only(members)
      return { embeddings: createEmbeddings({ data: combineGalleryRows(model, data), rows, dim, space, role: 'gallery' }) }
    },
    dispose: () => encoder.dispose(),
  }
}
