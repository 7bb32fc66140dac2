import type { LossTriple } from '@lookalike/core'
import { type Encoder, type ImageLimits, type ImageRequest, LookalikeError, type Preprocessing } from '@lookalike/core'
import { loadPixels, preprocessedLength } from '@lookalike/image'
import { type Execution, float32, type OnnxModel, readModel, trainableInitializers } from '@lookalike/onnx'
import { createTrainableModel, matchNames } from '@lookalike/train'
import { addLora } from './add-lora.js'
import { type TrainMemberOptions, trainMember } from './train-member.js'

/** How an encoder's own weights are trained: all but the frozen ones, or low-rank changes of its query and value projections. */
export type NetworkForm =
  | { readonly use: 'all'; readonly freeze: readonly string[] }
  | { readonly use: 'lora'; readonly rank: number }

export interface TrainNetworkOptions extends TrainMemberOptions {
  readonly form: NetworkForm
  /** Where forward and backward run, and on how many threads. */
  readonly execution?: Execution | undefined
  /** Images that go through the network at once. Default: 16 at 224 x 224 pixels, more of smaller ones (ours). */
  readonly chunk?: number | undefined
}

/** Ours: images that are kept ready for the network, in bytes. */
const MEMORY = 512 * 2 ** 20

/**
 * A context-sensitive model as a whole network: an encoder fine-tuned on one context.
 *
 * @param pixels gives images by their rows, as the network takes them: `3 * height * width` values each
 * @returns the encoder's network with other weights; undefined when the signal aborted
 * @throws `ensemble/network` for an encoder that is no ONNX network of pixels; `ensemble/small-context`; `ensemble/no-attention`; `train/no-match`
 */
export async function trainNetwork(
  encoder: Encoder,
  pixels: PixelSource,
  triples: readonly LossTriple[],
  options: TrainNetworkOptions,
): Promise<OnnxModel | undefined> {
  const { onnx, preprocessing } = networkOf(encoder)
  const base = readModel(await onnx.bytes(), { source: encoder.name })
  const { model, trainable, merge } = formOf(base, onnx.output, options)
  const network = createTrainableModel(model, {
    outputs: [onnx.output],
    trainable,
    chunk: options.chunk ?? usualChunk(preprocessing),
    ...options.execution,
  })
  try {
    const end = await trainMember(
      {
        dim: encoder.dim,
        parameters: network.parameters,
        async step(rows, gradientOf) {
          const feeds = { [onnx.input]: float32(await pixels(rows), inputShape(rows.length, preprocessing)) }
          const { gradients } = await network.step(feeds, async (outputs) => ({
            gradients: { [onnx.output]: await gradientOf(outputs[onnx.output]!.data) },
            result: undefined,
          }))
          return gradients
        },
      },
      triples,
      options,
    )
    if (end === 'aborted') return undefined
    return merge ? merge(new Map(network.parameters.map(({ name, data }) => [name, data]))) : network.export()
  } finally {
    await network.dispose()
  }
}

/** Images by their rows, one after another. */
export type PixelSource = (rows: readonly number[]) => Promise<Float32Array>

/** Decodes images when they are first wanted and keeps as many as fit in `memory` bytes. */
export function createPixelSource(
  images: readonly ImageRequest[],
  preprocessing: Preprocessing,
  limits: ImageLimits = {},
  memory = MEMORY,
): PixelSource {
  const length = preprocessedLength(preprocessing)
  const kept = new Map<number, Float32Array>()
  const load = async (row: number) => {
    const known = kept.get(row)
    if (known) return known
    const loaded = await loadPixels(images[row]!, preprocessing, limits)
    if ((kept.size + 1) * length * 4 <= memory) kept.set(row, loaded)
    return loaded
  }
  return async (rows) => {
    const data = new Float32Array(rows.length * length)
    const loaded = await Promise.all(rows.map(load))
    loaded.forEach((image, at) => data.set(image, at * length))
    return data
  }
}

/** What of an encoder is trained. @throws `ensemble/network` */
export function networkOf(encoder: Encoder): {
  readonly onnx: NonNullable<Encoder['onnx']>
  readonly preprocessing: Preprocessing
} {
  if (encoder.onnx && encoder.input.kind === 'pixels')
    return { onnx: encoder.onnx, preprocessing: encoder.input.preprocessing }
  throw new LookalikeError(
    'ensemble/network',
    {
      problem: `The encoder "${encoder.name}" is no ONNX network that takes pixels`,
      expected: 'an encoder such as onnx, vit, conv-net or a pretrained preset',
      fix: 'Members of the form { use: head } take any encoder.',
    },
    { fields: { encoder: encoder.name } },
  )
}

function formOf(
  base: OnnxModel,
  output: string,
  { form, seed }: TrainNetworkOptions,
): {
  readonly model: OnnxModel
  readonly trainable: readonly string[]
  readonly merge?: ((values: ReadonlyMap<string, Float32Array>) => OnnxModel) | undefined
} {
  if (form.use === 'lora') return addLora(base, form.rank, seed)
  const names = trainableInitializers(base, [output])
  const frozen = matchNames(form.freeze, names, 'member.freeze')
  return { model: base, trainable: names.filter((name) => !frozen.has(name)) }
}

const usualChunk = ({ crop }: Preprocessing) =>
  Math.max(4, Math.min(128, Math.round((16 * 224 * 224) / (crop.width * crop.height))))

function inputShape(count: number, { crop: { width, height }, layout }: Preprocessing): number[] {
  return layout === 'nchw' ? [count, 3, height, width] : [count, height, width, 3]
}
