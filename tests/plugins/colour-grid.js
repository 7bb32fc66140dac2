// A plugin by path, in plain JavaScript and without a package: what anyone may write. An image becomes the colours of a
// grid of cells, brought to unit length.
const options = {
  '~standard': {
    version: 1,
    vendor: 'by-hand',
    validate(value) {
      const { cells = 4, ...rest } = value
      const [unknown] = Object.keys(rest)
      if (unknown) return { issues: [{ message: 'Unknown key', path: [unknown] }] }
      if (!Number.isInteger(cells) || cells < 1)
        return { issues: [{ message: 'Cells must be a whole number above 0', path: ['cells'] }] }
      return { value: { cells } }
    },
    jsonSchema: {
      input: () => ({
        type: 'object',
        properties: { cells: { type: 'integer', minimum: 1, default: 4, description: 'Cells along each edge.' } },
        additionalProperties: false,
      }),
    },
  },
}

export default {
  specVersion: 'v1',
  kind: 'encoder',
  name: 'colour-grid',
  description: 'The colours of a grid of cells.',
  options,
  create({ cells }) {
    const dim = cells * cells * 3
    const space = `colour-grid/${cells}`
    return {
      specVersion: 'v1',
      name: 'colour-grid',
      dim,
      space,
      batchSize: 32,
      input: {
        kind: 'pixels',
        preprocessing: {
          resize: { mode: 'squash' },
          crop: { width: cells, height: cells },
          interpolation: 'box',
          background: [255, 255, 255],
          scale: 1 / 255,
          mean: [0.5, 0.5, 0.5],
          std: [0.5, 0.5, 0.5],
          channels: 'rgb',
          layout: 'nchw',
        },
      },
      async encode({ data, count }) {
        const vectors = Float32Array.from(data)
        for (let row = 0; row < count; row++) {
          const vector = vectors.subarray(row * dim, (row + 1) * dim)
          const length = Math.hypot(...vector) || 1
          for (let i = 0; i < dim; i++) vector[i] /= length
        }
        return { data: vectors, rows: count, dim, space, role: 'any' }
      },
      async dispose() {},
    }
  },
}
