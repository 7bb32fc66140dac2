import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { readSafetensors } from '@lookalike/encoders'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes, mutateData } from '../lib/mutate.mjs'

const HEADER = {
  __metadata__: { format: 'pt' },
  'embeddings.cls_token': { dtype: 'F32', shape: [1, 1, 8], data_offsets: [0, 32] },
  'encoder.weight': { dtype: 'F16', shape: [4, 8], data_offsets: [32, 96] },
  'encoder.bias': { dtype: 'BF16', shape: [4], data_offsets: [96, 104] },
  norm: { dtype: 'F64', shape: [2], data_offsets: [104, 120] },
  position_ids: { dtype: 'I64', shape: [1, 2], data_offsets: [120, 136] },
}

function fileOf(header) {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(136, 7)])
}

export const open = async () => ({
  async attempt(i) {
    const random = createRandom(`safetensors ${i}`)
    const bytes = random.next() < 0.5 ? mutateBytes(fileOf(HEADER), random) : fileOf(mutateData(HEADER, random))
    for (const [name, { shape, data }] of readSafetensors(bytes))
      if (data.length !== shape.reduce((product, dim) => product * dim, 1))
        throw new Error(`${name}: ${shape}, ${data.length}`)
  },
})

export default {
  name: 'input: mutated safetensors',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), {
      folder: path.join(folder, 'safetensors'),
      count: short ? 500 : 20_000,
    }),
}
