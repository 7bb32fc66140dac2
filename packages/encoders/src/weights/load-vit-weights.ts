import { readFile } from 'node:fs/promises'
import { LookalikeError } from '@lookalike/core'
import { float32, loadModel, type OnnxModel, withInitializers } from '@lookalike/onnx'
import { fitVitWeights } from './fit-vit-weights.js'
import { readOnnxWeights } from './read-onnx-weights.js'
import { readSafetensors } from './read-safetensors.js'
import type { Weights } from './weights.js'

export interface LoadedWeights {
  readonly model: OnnxModel
  /** Weights of the network that keep their first values: those of an embedding head that the file does not have. */
  readonly kept: readonly string[]
  /** Weights of the file that the network has no use for: classifiers and poolers. */
  readonly unused: readonly string[]
}

/**
 * Fills a network of `buildVit` with pretrained weights of a ViT or DeiT of the same size, from a `.safetensors` or `.onnx` file with timm's or
 * Hugging Face's names.
 *
 * @throws `weights/file`, `weights/safetensors`, `weights/mismatch`, and what reading ONNX throws.
 * @example
 * const { model, kept } = await loadVitWeights(buildVit({ imageSize: 224, patchSize: 16, dim: 384, depth: 12, heads: 6 }), './vit-small.safetensors')
 */
export async function loadVitWeights(
  network: OnnxModel,
  file: string,
  options: { readonly positions?: 'exact' | 'resize' | undefined } = {},
): Promise<LoadedWeights> {
  return fillVit(network, await readWeights(file), file, options.positions)
}

/** Fills a network of `buildVit` with weights. @throws `weights/mismatch` naming `source` */
export function fillVit(
  network: OnnxModel,
  given: Weights,
  source: string,
  positions: 'exact' | 'resize' = 'exact',
): LoadedWeights {
  const wanted = new Map(
    [...network.graph.initializers].flatMap(([name, { type, shape }]) =>
      type === 'float32' && !/^constant(_\d+)?$/.test(name) ? [[name, shape] as const] : [],
    ),
  )
  const { weights, kept, unused } = fitVitWeights(wanted, given, {
    grid: gridOf(network),
    positions,
    source,
  })
  const values = Array.from(weights, ([name, { data, shape }]) => [name, float32(data, shape)] as const)
  return { model: withInitializers(network, values), kept, unused }
}

async function readWeights(file: string): Promise<Weights> {
  if (file.endsWith('.onnx')) return readOnnxWeights(await loadModel(file))
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new LookalikeError(
      'weights/file',
      { problem: `The weights ${file} cannot be read`, expected: 'a .safetensors or .onnx file' },
      { fields: { file }, cause },
    )
  })
  return readSafetensors(bytes, file)
}

function gridOf({ graph, metadata }: OnnxModel): { rows: number; columns: number } {
  const patch = Number(metadata['lookalike.patchSize'])
  const [, , height, width] = graph.inputs[0]?.shape ?? []
  if (!(patch > 0)) {
    throw new LookalikeError('weights/network', {
      problem: 'The network was not made by buildVit',
      expected: 'a network of buildVit',
    })
  }
  return { rows: Number(height) / patch, columns: Number(width) / patch }
}
