import { dot, type OperationOptions, unitRows } from '@lookalike/core'
import type { Execution } from '@lookalike/onnx'
import { buildMlp, buildResidualBottleneck } from './build-network.js'
import { chooseRidge } from './choose-ridge.js'
import { createTransformer } from './create-transformer.js'
import { fitLinear, leastSquares } from './fit-linear.js'
import { fitProcrustes } from './fit-procrustes.js'
import { type EpochFacts, type TrainedTransform, trainTransform } from './train-transform.js'
import type { PairedEmbeddings, Transform } from './transform.js'
import { RIDGE, type TransformOptions, transformSchema } from './transform-options.js'

export interface FitTransformOptions extends OperationOptions, Execution {
  readonly seed: number
  /** Told of every epoch of a trained transform: its losses and the mean cosine. */
  readonly onEpoch?: ((entry: EpochFacts) => Promise<void>) | undefined
}

/**
 * Learns the map from a gallery model's space into the query model's from pairs of embeddings alone.
 *
 * @throws what {@link trainTransform} throws, and `ZodError` for options that do not fit.
 * @example
 * const { transform, similarity } = await fitTransform(pairEmbeddings(heavy, light), { kind: 'procrustes' }, { seed: 0 })
 */
export async function fitTransform(
  pairs: PairedEmbeddings,
  given: TransformOptions,
  options: FitTransformOptions,
): Promise<TrainedTransform> {
  const settings = transformSchema.parse(given)
  const { seed, threads, providers } = options
  const execution: Execution = { threads, providers }
  if (settings.kind === 'procrustes') return closedForm(await fitProcrustes(pairs, execution), pairs, execution)
  if (settings.kind === 'linear') {
    const { ridge: given } = settings
    const ridge = typeof given === 'number' ? given : (await chooseRidge(pairs, given, seed, execution)).ridge
    return { ...(await closedForm(await fitLinear(pairs, ridge, execution), pairs, execution)), ridge }
  }
  const {
    similarity,
    divergence,
    classification,
    scale,
    epochs,
    batchSize,
    learningRate,
    weightDecay,
    schedule,
    heldOut,
    patience,
  } = settings
  const { inputDim, outputDim } = pairs
  const start = async (training: PairedEmbeddings) =>
    settings.kind === 'mlp'
      ? buildMlp(inputDim, outputDim, settings.hidden, seed)
      : buildResidualBottleneck(
          inputDim,
          outputDim,
          {
            paths: settings.paths,
            width: settings.width,
            front:
              settings.front === 'always' || inputDim !== outputDim
                ? await leastSquares(training, RIDGE, execution)
                : undefined,
          },
          seed,
        )
  return trainTransform(start, pairs, {
    ...options,
    losses: { similarity, divergence, classification, scale },
    epochs,
    batchSize,
    heldOut,
    patience,
    schedule,
    optimizer: { learningRate, weightDecay },
  })
}

async function closedForm(
  transform: Transform,
  { from, to, outputDim, rows }: PairedEmbeddings,
  execution: Execution,
): Promise<TrainedTransform> {
  const transformer = await createTransformer(transform, execution)
  try {
    const mapped = await transformer.apply(from)
    const target = unitRows(to, outputDim)
    return { transform, epochs: 0, similarity: dot(mapped, target) / rows, stopped: 'finished' }
  } finally {
    await transformer.dispose()
  }
}
