// An asymmetric ensemble of two copies of an encoder: queries take one of them, gallery images the mean of both.
import hanging from './hanging-encoder.js'

const space = 'two-sided/1'

export default {
  specVersion: 'v1',
  kind: 'combiner',
  name: 'two-sided',
  description: 'For tests.',
  options: hanging.options,
  create: () => {
    const [light, ...members] = [hanging.create(), hanging.create(), hanging.create()]
    return {
      specVersion: 'v1',
      name: 'two-sided',
      queryEncoders: [light],
      galleryEncoders: members,
      galleryMembers: ['first', 'second'],
      dim: 4,
      space,
      combineQuery: async ([query]) => ({ embeddings: { ...query, space, role: 'query' } }),
      combineGallery: async ([first]) => ({
        embeddings: { ...first, data: first.data.map((value) => value * 2), space, role: 'gallery' },
        uncertainty: Float32Array.from({ length: first.rows }, (_, row) => first.data[row * 4]),
      }),
      dispose: async () => undefined,
    }
  },
}
