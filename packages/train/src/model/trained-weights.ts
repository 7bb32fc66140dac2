import { LookalikeError } from '@lookalike/core'
import { type Feeds, float32, type OnnxModel, type TensorOf, withInitializers } from '@lookalike/onnx'
import { decays, type Parameter } from '../optimizer/parameter.js'

/** The weights of a network that change. */
export interface TrainedWeights {
  readonly parameters: readonly Parameter[]
  /** @throws `onnx/not-trainable` */
  get(name: string): Parameter
  /** Of the graph's inputs that stand for them; `instead` in the places of the parameters of the same names. */
  feeds(names: readonly string[], instead?: ReadonlyMap<string, Float32Array>): Feeds
  /** The model with its weights as they are now, or with `instead` in their places. */
  export(instead?: ReadonlyMap<string, Float32Array>): OnnxModel
}

/** @throws `onnx/not-trainable` */
export function createTrainedWeights(model: OnnxModel, names: readonly string[]): TrainedWeights {
  const weights = weightTensors(model, names)
  const parameters: readonly Parameter[] = names.map((name) => {
    const { shape, data } = weights.get(name)!
    return { name, shape, data: data.slice(), decay: decays(name, shape) }
  })
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const get = (name: string) => {
    const parameter = byName.get(name)
    if (!parameter) throw unknownParameter(name)
    return parameter
  }
  return {
    parameters,
    get,
    feeds: (wanted, instead) =>
      Object.fromEntries(
        wanted.map((name) => {
          const { data, shape } = get(name)
          return [name, float32(instead?.get(name) ?? data, shape)]
        }),
      ),
    export: (instead) =>
      withInitializers(
        model,
        parameters.map(
          ({ name, shape, data }) => [name, float32((instead?.get(name) ?? data).slice(), shape)] as const,
        ),
      ),
  }
}

function weightTensors(model: OnnxModel, names: readonly string[]): Map<string, TensorOf<'float32'>> {
  const constants = new Map(
    model.graph.nodes.flatMap(({ op, outputs, attributes }) =>
      op === 'Constant' && attributes['value']?.kind === 'tensor'
        ? [[outputs[0]!, attributes['value'].value] as const]
        : [],
    ),
  )
  if (names.length === 0) {
    throw new LookalikeError('onnx/not-trainable', {
      problem: 'The model has no weights to train',
      expected: 'float32 initializers between the input and the output',
      fix: 'Quantised and half-precision models cannot be trained: export the model in float32, and do not freeze all of it.',
    })
  }
  return new Map(
    names.map((name) => {
      const tensor = model.graph.initializers.get(name) ?? constants.get(name)
      if (tensor?.type !== 'float32') throw unknownParameter(name)
      return [name, tensor]
    }),
  )
}

function unknownParameter(name: string): LookalikeError {
  return new LookalikeError(
    'onnx/not-trainable',
    { problem: `The network has no trained float32 weight ${name}`, expected: 'names of float32 initializers' },
    { fields: { weight: name } },
  )
}
