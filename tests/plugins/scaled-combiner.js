// A combiner that keeps what its one encoder says, so that a gallery's vectors can be made anew at another scale.
import grid from './colour-grid.js'

const options = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: ({ scale = 1 }) => ({ value: { scale } }),
    jsonSchema: { input: () => ({ type: 'object', properties: { scale: { type: 'number', description: 'Scale.' } } }) },
  },
}

export default {
  specVersion: 'v1',
  kind: 'combiner',
  name: 'scaled',
  description: 'For tests.',
  options,
  create({ scale }) {
    const encoder = grid.create({ cells: 4 })
    const space = `scaled/${scale}`
    const scaled = ({ data, rows, dim }, by, role) => ({
      embeddings: { data: data.map((value) => value * by), rows, dim, space, role },
    })
    return {
      specVersion: 'v1',
      name: 'scaled',
      queryEncoders: [encoder],
      galleryEncoders: [encoder],
      galleryMembers: ['grid'],
      dim: encoder.dim,
      space,
      combineQuery: async ([query]) => scaled(query, 1, 'query'),
      combineGallery: async ([images]) => scaled(images, scale, 'gallery'),
      dispose: () => encoder.dispose(),
    }
  },
}
