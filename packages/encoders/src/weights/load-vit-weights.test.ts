import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSession, float32, loadModel, type OnnxModel, writeModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildVit, type VitOptions } from '../builder/build-vit.js'
import { fitVitWeights } from './fit-vit-weights.js'
import { loadVitWeights } from './load-vit-weights.js'
import { readOnnxWeights } from './read-onnx-weights.js'
import type { Weight } from './weights.js'

const golden = fileURLToPath(new URL('../../../../../shared/golden/gradients', import.meta.url))
interface Case {
  readonly input: { readonly shape: number[]; readonly data: number[] }
  readonly output: { readonly shape: number[]; readonly data: number[] }
}

async function run(model: OnnxModel, input: { shape: readonly number[]; data: ArrayLike<number> }) {
  const session = await createSession(model, { threads: 1 })
  const { embedding } = await session.run({ pixel_values: float32(Float32Array.from(input.data), input.shape) })
  await session.dispose()
  return embedding!.data as Float32Array
}

const LONG: readonly [RegExp, string][] = [
  [/^cls$/, 'cls_token'],
  [/^dt$/, 'dist_token'],
  [/^pos$/, 'pos_embed'],
  [/^p\./, 'patch_embed.proj.'],
  [/^b\.(\d+)\./, 'blocks.$1.'],
  [/\.n1\./, '.norm1.'],
  [/\.n2\./, '.norm2.'],
  [/\.a\./, '.attn.'],
  [/\.m\.0\./, '.mlp.fc1.'],
  [/\.m\.2\./, '.mlp.fc2.'],
  [/^n\./, 'norm.'],
  [/^f\./, 'head.'],
  [/^f2\./, 'head_dist.'],
]
const timmName = (name: string) => LONG.reduce((text, [pattern, to]) => text.replace(pattern, to), name)

// PyTorch's own exports, with PyTorch's outputs: the builder's network with their weights must give the same numbers.
describe.skipIf(!existsSync(golden))(
  "the builder's network with weights exported from PyTorch (../shared/golden)",
  () => {
    it.each<[string, VitOptions]>([
      ['vit', { imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 3, mlpRatio: 2, embeddingDim: 10 }],
      [
        'deit-distilled',
        { imageSize: 16, patchSize: 4, dim: 16, depth: 1, heads: 2, mlpRatio: 2, embeddingDim: 10, distillation: true },
      ],
    ])('%s', async (name, options) => {
      const { input, output } = JSON.parse(await readFile(join(golden, `${name}.json`), 'utf8')) as Case
      const exported = readOnnxWeights(await loadModel(join(golden, `${name}.onnx`)))
      const given = new Map([...exported].map(([short, weight]) => [timmName(short), weight]))
      const network = buildVit(options)
      const wanted = new Map(
        [...network.graph.initializers]
          .filter(([key]) => !key.startsWith('constant'))
          .map(([key, { shape }]) => [key, shape]),
      )
      const { weights, kept } = fitVitWeights(wanted, given, {
        grid: { rows: 4, columns: 4 },
        positions: 'exact',
        source: name,
      })
      expect(kept).toEqual([])
      const initializers = new Map(network.graph.initializers)
      for (const [key, { data, shape }] of weights) initializers.set(key, float32(data, shape))
      const found = await run({ ...network, graph: { ...network.graph, initializers } }, input)
      output.data.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(2e-6))
    })
  },
)

describe('loadVitWeights', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lookalike-weights-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const size = { imageSize: 16, patchSize: 4, dim: 8, depth: 2, heads: 2 } as const
  const pixels = { shape: [2, 3, 16, 16], data: Float32Array.from({ length: 2 * 768 }, (_, i) => Math.sin(i)) }

  it("takes back what the builder's own file holds", async () => {
    const first = buildVit({ ...size, embeddingDim: 5, distillation: true, seed: 1 })
    await writeFile(join(folder, 'vit.onnx'), writeModel(first))
    const { model, kept, unused } = await loadVitWeights(
      buildVit({ ...size, embeddingDim: 5, distillation: true, seed: 2 }),
      join(folder, 'vit.onnx'),
    )
    expect([kept, unused]).toEqual([[], []])
    expect(await run(model, pixels)).toEqual(await run(first, pixels))
  })

  it('reads safetensors, and keeps the new head', async () => {
    const first = buildVit({ ...size, seed: 1 })
    await writeFile(join(folder, 'vit.onnx'), writeModel(first))
    await writeFile(
      join(folder, 'vit.safetensors'),
      safetensors(readOnnxWeights(await loadModel(join(folder, 'vit.onnx')))),
    )
    const { model } = await loadVitWeights(buildVit({ ...size, seed: 2 }), join(folder, 'vit.safetensors'))
    expect(await run(model, pixels)).toEqual(await run(first, pixels))
    const { kept } = await loadVitWeights(buildVit({ ...size, embeddingDim: 3 }), join(folder, 'vit.safetensors'))
    expect(kept).toEqual(['head.weight', 'head.bias'])
  })

  it('takes weights of another image size when told to', async () => {
    await writeFile(join(folder, 'vit.onnx'), writeModel(buildVit({ ...size, seed: 1 })))
    const larger = buildVit({ ...size, imageSize: [24, 16] })
    await expect(loadVitWeights(larger, join(folder, 'vit.onnx'))).rejects.toMatchObject({
      code: 'weights/mismatch',
      message: expect.stringContaining('pos_embed is [1, 17, 8], not [1, 25, 8]') as string,
    })
    const { model } = await loadVitWeights(larger, join(folder, 'vit.onnx'), { positions: 'resize' })
    expect(model.graph.initializers.get('pos_embed')?.shape).toEqual([1, 25, 8])
  })

  it('names a file that is not there, and a network that is not its own', async () => {
    await expect(loadVitWeights(buildVit(size), join(folder, 'none.safetensors'))).rejects.toMatchObject({
      code: 'weights/file',
    })
    const strange = { ...buildVit(size), metadata: {} }
    await expect(loadVitWeights(strange, join(folder, 'vit.onnx'))).rejects.toMatchObject({ code: 'weights/network' })
  })
})

function safetensors(weights: ReadonlyMap<string, Weight>): Uint8Array {
  let at = 0
  const header = Object.fromEntries(
    [...weights].map(([name, { shape, data }]) => [
      name,
      { dtype: 'F32', shape, data_offsets: [at, (at += data.byteLength)] },
    ]),
  )
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([
    length,
    json,
    ...[...weights.values()].map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ])
}
