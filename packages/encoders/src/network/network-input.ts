import { LookalikeError, type Preprocessing } from '@lookalike/core'
import { type Dimension, float32, type Graph, sizeOf, type Tensor, type TensorType } from '@lookalike/onnx'

/** The input that takes the pixels. */
export interface NetworkInput {
  readonly name: string
  readonly type: Extract<TensorType, 'float32' | 'float16'>
  /** How many images must be fed at once; undefined when any number may be. */
  readonly batch: number | undefined
  readonly shape: readonly Dimension[]
}

/**
 * Finds the pixels' input in a graph that holds only what the chosen output needs, and checks that preprocessed images fit it.
 *
 * @throws `encoder/input` when there is none or the model needs other inputs too, `encoder/input-shape`, `encoder/input-type`.
 */
export function networkInput(
  graph: Graph,
  wanted: string | undefined,
  preprocessing: Preprocessing,
  model: string,
): NetworkInput {
  const listed =
    graph.inputs.map((input) => `${input.name} ${input.type ?? ''}${describeShape(input.shape)}`).join(', ') || 'none'
  const found =
    wanted === undefined
      ? (graph.inputs.find(({ shape }) => shape?.length === 4) ??
        (graph.inputs.length === 1 && !graph.inputs[0]!.shape ? graph.inputs[0] : undefined))
      : graph.inputs.find(({ name }) => name === wanted)
  if (!found) {
    throw new LookalikeError(
      'encoder/input',
      {
        problem: `${model} has no input ${wanted ?? 'for images'}; its inputs are: ${listed}`,
        expected: 'an input [N, 3, height, width]',
      },
      { fields: { model, inputs: graph.inputs.map(({ name }) => name) } },
    )
  }
  const others = graph.inputs.filter((input) => input !== found).map(({ name }) => name)
  if (others.length > 0) {
    throw new LookalikeError(
      'encoder/input',
      {
        problem: `${model} needs more than images: ${others.join(', ')}`,
        expected: 'a model of images alone',
        fix: 'Choose another output, or the file of the vision tower (onnx/vision_model.onnx) where the model also reads text.',
      },
      { fields: { model, inputs: graph.inputs.map(({ name }) => name) } },
    )
  }
  const type = found.type ?? 'float32'
  if (type !== 'float32' && type !== 'float16') {
    throw new LookalikeError(
      'encoder/input-type',
      {
        problem: `The input ${found.name} of ${model} takes ${type}`,
        expected: 'float32 or float16',
        fix: 'Export the model with float inputs.',
      },
      { fields: { model, input: found.name, type } },
    )
  }
  const { width, height } = preprocessing.crop
  const fitting = preprocessing.layout === 'nchw' ? [3, height, width] : [height, width, 3]
  const shape = found.shape ?? [null, ...fitting]
  const [batch, ...image] = shape
  if (shape.length !== 4 || image.some((dimension, i) => typeof dimension === 'number' && dimension !== fitting[i])) {
    throw new LookalikeError(
      'encoder/input-shape',
      {
        problem: `The input ${found.name} of ${model} is ${describeShape(shape)}, but the preprocessing makes ${describeShape(['N', ...fitting])}`,
        expected: 'the same channels, height and width',
        fix: 'Set `crop` and `layout` of the preprocessing to what the model was exported with.',
      },
      { fields: { model, input: found.name, shape, preprocessed: fitting } },
    )
  }
  const fixed = typeof batch === 'number' ? batch : undefined
  return { name: found.name, type, batch: fixed, shape: [fixed ?? 'N', ...fitting] }
}

export const describeShape = (shape: readonly Dimension[] | undefined) =>
  shape ? `[${shape.map((n) => n ?? '?').join(', ')}]` : ''

/** Images that shapes are read with: no size of its own that a network has is likely to be the same. */
const IMAGES = 2

/** Black images of the size that the network takes, to read shapes with. */
export function exampleFeeds({ name, batch, shape }: NetworkInput): Record<string, Tensor> {
  const dims = [batch ?? IMAGES, ...(shape.slice(1) as number[])]
  return { [name]: float32(new Float32Array(sizeOf(dims)), dims) }
}
