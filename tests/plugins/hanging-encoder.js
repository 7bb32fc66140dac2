// An encoder whose behaviour the first pixel decides: red hangs for ever, green ends the process, blue fails.
const preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 1, height: 1 },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
}

const options = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({ type: 'object' }), output: () => ({ type: 'object' }) },
  },
}

export default {
  specVersion: 'v1',
  kind: 'encoder',
  name: 'hanging',
  description: 'For tests.',
  options,
  create: ({ fail } = {}) => {
    if (fail) throw new Error('it cannot be made')
    return {
      specVersion: 'v1',
      name: 'hanging',
      dim: 4,
      space: 'hanging/1',
      input: { kind: 'pixels', preprocessing },
      batchSize: 4,
      async encode({ data, count }) {
        const rows = Array.from({ length: count }, (_, i) => [...data.subarray(i * 3, i * 3 + 3)])
        for (const [red, green, blue] of rows) {
          if (red === 255 && green === 0) for (;;);
          if (green === 255 && red === 0) process.kill(process.pid, 'SIGSEGV')
          if (blue === 255 && red === 0) throw new Error('blue')
        }
        // The last value says how many came together.
        const vectors = Float32Array.from(rows.flatMap((row) => [...row, count]))
        return { data: vectors, rows: count, dim: 4, space: 'hanging/1', role: 'any' }
      },
      dispose: async () => undefined,
    }
  },
}
