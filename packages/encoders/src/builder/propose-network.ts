import { LookalikeError } from '@lookalike/core'
import { type Budget, countMultiplications, float32, type OnnxModel, writeModel } from '@lookalike/onnx'
import { buildConvNet, type ConvNetOptions } from './build-conv-net.js'
import { PIXELS } from './finish-network.js'

export type ProposalOptions = Pick<ConvNetOptions, 'embeddingDim' | 'seed' | 'preprocessing'>

export interface ProposedNetwork {
  readonly model: OnnxModel
  /** What {@link buildConvNet} was told. */
  readonly size: { readonly imageSize: number; readonly widths: readonly number[] }
  /** Of one image, in millions. */
  readonly millionMultiplications: number
  /** Of the file, with room for the training's card. */
  readonly bytes: number
}

type Size = ProposedNetwork['size']

/** Sizes in which pixels and channels grow together (Tan and Le 2019 scale so; the steps are ours): of each width, pictures of 1.5 to 4 times as many pixels. */
const SIZES: readonly Size[] = [8, 12, 16, 24, 32, 48, 64].flatMap((width) =>
  [24, 32, 48, 64, 96, 128]
    .filter((edge) => edge >= 1.5 * width && edge <= 4 * width)
    .map((imageSize) => ({ imageSize, widths: [width, 2 * width, 4 * width] })),
)
const STEM = { kernel: 5, stride: 2 }
/** What training writes into the model's metadata. */
const CARD_BYTES = 16_384

/**
 * The network with the most multiplications among the small ones of {@link buildConvNet} that fit a budget, with seeded first weights: to be trained.
 *
 * @throws `encoder/budget` when nothing fits, naming the smallest that there is.
 *
 * @example
 * const { model, millionMultiplications } = await proposeNetwork({ maxMillionMultiplications: 10 }, { embeddingDim: 128 })
 */
export async function proposeNetwork(budget: Budget, options: ProposalOptions = {}): Promise<ProposedNetwork> {
  const { maxMillionMultiplications = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = budget
  const { embeddingDim = 128 } = options
  const ranked = SIZES.map((size) => ({ size, about: roughCost(size, embeddingDim) })).sort(
    (a, b) => b.about.multiplications - a.about.multiplications,
  )
  for (const { size, about } of ranked) {
    // The rough cost only spares building what cannot fit; what counts is read off the network and its file.
    if (about.multiplications > 1e6 * maxMillionMultiplications || about.bytes > maxBytes) continue
    const proposed = await build(size, embeddingDim, options)
    if (proposed.millionMultiplications <= maxMillionMultiplications && proposed.bytes <= maxBytes) return proposed
  }
  throw nothingFits(budget, embeddingDim, await build(ranked.at(-1)!.size, embeddingDim, options))
}

async function build(size: Size, embeddingDim: number, options: ProposalOptions): Promise<ProposedNetwork> {
  const model = buildConvNet({ ...options, ...size, embeddingDim, stem: STEM, pooling: 'flatten' })
  const { imageSize } = size
  const pixels = float32(new Float32Array(3 * imageSize ** 2), [1, 3, imageSize, imageSize])
  const multiplications = await countMultiplications(model, { [PIXELS]: pixels })
  if (multiplications === undefined) throw new TypeError('The operators of our own builder can be counted.')
  return {
    model,
    size,
    millionMultiplications: multiplications / 1e6,
    bytes: writeModel(model).length + CARD_BYTES,
  }
}

/** Never above what the network really costs: the two 3 x 3 convolutions of each block, and the head. */
function roughCost({ imageSize, widths }: Size, embeddingDim: number): { multiplications: number; bytes: number } {
  let edge = imageSize / STEM.stride
  let inputs = widths[0]!
  let multiplications = 0
  let weights = 0
  for (const [stage, outputs] of widths.entries()) {
    if (stage > 0) edge /= 2
    const filters = 9 * (inputs * outputs + outputs * outputs)
    weights += filters
    multiplications += filters * edge * edge
    inputs = outputs
  }
  const head = inputs * edge * edge * embeddingDim
  return { multiplications: multiplications + head, bytes: 4 * (weights + head) }
}

function nothingFits(budget: Budget, embeddingDim: number, smallest: ProposedNetwork): LookalikeError {
  const bounds = [
    budget.maxMillionMultiplications !== undefined && `${budget.maxMillionMultiplications} million multiplications`,
    budget.maxBytes !== undefined && `${budget.maxBytes.toLocaleString('en')} bytes`,
  ].filter(Boolean)
  return new LookalikeError(
    'encoder/budget',
    {
      problem: `No network fits into ${bounds.join(' and ')} with embeddings of ${embeddingDim} dimensions`,
      expected: `at least what the smallest takes (${describeSize(smallest)}): ${smallest.millionMultiplications.toFixed(2)} million multiplications and ${smallest.bytes.toLocaleString('en')} bytes`,
      fix: 'Raise the budget, or make the embeddings shorter.',
    },
    { fields: { ...budget, embeddingDim, smallest: { ...smallest.size, ...figuresOf(smallest) } } },
  )
}

const figuresOf = ({ millionMultiplications, bytes }: ProposedNetwork) => ({ millionMultiplications, bytes })

const describeSize = ({ size: { imageSize, widths } }: ProposedNetwork) =>
  `${imageSize} pixels, ${widths.join(', ')} channels`
