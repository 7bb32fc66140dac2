import { LookalikeError, type Preprocessing } from '@lookalike/core'
import {
  type Dimension,
  float32,
  type Graph,
  sizeOf,
  type Tensor,
  type TensorType,
  type ValueInfo,
} from '@lookalike/onnx'

/** The input that takes the pixels of a complete network: float32, three channels, in the layout of the preprocessing. */
export interface NetworkInput {
  readonly name: string
  /** How many images must be fed at once; undefined when any number may be. */
  readonly batch: number | undefined
  readonly shape: readonly Dimension[]
}

/** What the model itself takes. */
export interface ModelInput extends NetworkInput {
  readonly type: (typeof PIXEL_TYPES)[number]
  readonly layout: Preprocessing['layout']
  /** 1 where the model takes grey pictures. */
  readonly channels: 1 | 3
}

const PIXEL_TYPES = ['float32', 'float16', 'float64', 'uint8'] as const satisfies readonly TensorType[]

/**
 * Finds the pixels' input in a graph that holds only what the chosen output needs, and checks that preprocessed images fit it. Another
 * element type, another layout and a single channel fit too: {@link adaptPixels} brings the pixels there.
 *
 * @throws `encoder/input` when there is none or the model needs other inputs too, `encoder/input-shape`, `encoder/input-type`.
 */
export function modelInput(
  graph: Graph,
  wanted: string | undefined,
  preprocessing: Preprocessing,
  model: string,
): ModelInput {
  const found = findInput(graph, wanted, model)
  const others = graph.inputs.filter((input) => input !== found).map(({ name }) => name)
  if (others.length > 0) {
    throw inputError(
      graph,
      model,
      `${model} needs more than images: ${others.join(', ')}`,
      'a model of images alone',
      'Choose another output, or the file of the vision tower (onnx/vision_model.onnx) where the model also reads text.',
    )
  }
  const type = PIXEL_TYPES.find((known) => known === (found.type ?? 'float32'))
  if (!type) {
    throw new LookalikeError(
      'encoder/input-type',
      {
        problem: `The input ${found.name} of ${model} takes ${found.type}`,
        expected: PIXEL_TYPES.join(', '),
        fix: 'Export the model with float inputs.',
      },
      { fields: { model, input: found.name, type: found.type } },
    )
  }
  const { width, height } = preprocessing.crop
  const shape = found.shape ?? [null, ...imageShape(preprocessing.layout, 3, preprocessing)]
  const { layout } = preprocessing
  const fitting = ([layout, layout === 'nchw' ? 'nhwc' : 'nchw'] as const)
    .flatMap((order) => ([3, 1] as const).map((channels) => ({ layout: order, channels })))
    .find(({ layout: order, channels }) => fits(shape.slice(1), imageShape(order, channels, preprocessing)))
  if (shape.length !== 4 || !fitting) {
    const made = imageShape(preprocessing.layout, 3, preprocessing)
    throw new LookalikeError(
      'encoder/input-shape',
      {
        problem: `The input ${found.name} of ${model} is ${describeShape(shape)}, but the preprocessing makes ${describeShape(['N', ...made])}`,
        expected: 'the same height and width, and 3 channels or 1',
        fix: 'Set `crop` of the preprocessing to what the model was exported with.',
      },
      { fields: { model, input: found.name, shape, preprocessed: [3, height, width] } },
    )
  }
  const fixed = typeof shape[0] === 'number' ? shape[0] : undefined
  const { layout: order, channels } = fitting
  return {
    name: found.name,
    type,
    batch: fixed,
    shape: [fixed ?? 'N', ...imageShape(order, channels, preprocessing)],
    layout: order,
    channels,
  }
}

function findInput(graph: Graph, wanted: string | undefined, model: string): ValueInfo {
  const found =
    wanted === undefined
      ? (graph.inputs.find(({ shape }) => shape?.length === 4) ??
        (graph.inputs.length === 1 && !graph.inputs[0]!.shape ? graph.inputs[0] : undefined))
      : graph.inputs.find(({ name }) => name === wanted)
  if (found) return found
  const listed =
    graph.inputs.map((input) => `${input.name} ${input.type ?? ''}${describeShape(input.shape)}`).join(', ') || 'none'
  throw inputError(
    graph,
    model,
    `${model} has no input ${wanted ?? 'for images'}; its inputs are: ${listed}`,
    'an input [N, 3, height, width]',
  )
}

function inputError(graph: Graph, model: string, problem: string, expected: string, fix?: string): LookalikeError {
  return new LookalikeError(
    'encoder/input',
    { problem, expected, fix },
    { fields: { model, inputs: graph.inputs.map(({ name }) => name) } },
  )
}

function imageShape(layout: Preprocessing['layout'], channels: number, { crop }: Preprocessing): number[] {
  return layout === 'nchw' ? [channels, crop.height, crop.width] : [crop.height, crop.width, channels]
}

function fits(stated: readonly Dimension[], made: readonly number[]): boolean {
  return stated.length === made.length && stated.every((dim, i) => typeof dim !== 'number' || dim === made[i])
}

export const describeShape = (shape: readonly Dimension[] | undefined) =>
  shape ? `[${shape.map((n) => n ?? '?').join(', ')}]` : ''

/** What the complete network takes, whatever the model in it does. */
export function networkInput({ name, batch }: ModelInput, preprocessing: Preprocessing): NetworkInput {
  return { name, batch, shape: [batch ?? 'N', ...imageShape(preprocessing.layout, 3, preprocessing)] }
}

/** Images that shapes are read with: no size of its own that a network has is likely to be the same. */
const IMAGES = 2

/** Black images of the size that the network takes, to read shapes with. */
export function exampleFeeds({ name, batch, shape }: NetworkInput): Record<string, Tensor> {
  const dims = [batch ?? IMAGES, ...(shape.slice(1) as number[])]
  return { [name]: float32(new Float32Array(sizeOf(dims)), dims) }
}
