import type { DatasetItem, Encoder, ImageLimits, Run } from '@lookalike/core'
import type { EnsembleBase } from '../combiner/ensemble-model.js'
import { mapFeatures } from '../context/prepare-features.js'
import { createPixelSource, networkOf, type PixelSource } from '../context/train-network.js'
import { learnFeatures } from './learn-ensemble.js'
import type { ContextTrainerOptions } from './trainer-options.js'

/** An encoder that members start from, and what it makes of the dataset. */
export interface Base {
  readonly encoder: Encoder
  readonly facts: EnsembleBase
  /** `[items, features]`. */
  readonly features: Float32Array
  readonly pixels: PixelSource | undefined
}

/** Embeds the dataset by an encoder, whole. */
export type EmbedAll = (encoder: Encoder) => Promise<Float32Array>

/**
 * The encoders that members start from, their features of the dataset, and their networks in the run's folder, so that it is whole.
 *
 * @param training rows of the images in training triples
 * @throws `ensemble/network` for an encoder that is no network where one is needed
 */
export async function openBases(
  encoders: readonly Encoder[],
  items: readonly DatasetItem[],
  training: ReadonlySet<number>,
  settings: ContextTrainerOptions,
  run: Run,
  embed: EmbedAll,
  limits: ImageLimits | undefined,
): Promise<Base[]> {
  const bases: Base[] = []
  for (const [at, encoder] of encoders.entries()) {
    if (settings.member.use !== 'head' || at > 0 || settings.merge) networkOf(encoder)
    const embeddings = await embed(encoder)
    const features = learnFeatures(embeddings, encoder.dim, training, settings)
    const file = await saveBase(encoder, run, at)
    bases.push({
      encoder,
      facts: { name: encoder.name, space: encoder.space, features, file },
      features: mapFeatures(features, embeddings),
      pixels:
        encoder.input.kind === 'pixels' ? createPixelSource(items, encoder.input.preprocessing, limits) : undefined,
    })
  }
  return bases
}

/** An encoder that is no network stays outside the folder. */
async function saveBase(encoder: Encoder, run: Run, at: number): Promise<string | undefined> {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') return undefined
  const file = `encoder-${at + 1}.onnx`
  await run.write(file, await encoder.onnx.bytes())
  return file
}
