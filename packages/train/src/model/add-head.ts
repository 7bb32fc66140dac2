import { createRandom, orthogonalMatrix } from '@lookalike/core'
import { connectModels, createGraphBuilder, extractModel, float32, type OnnxModel } from '@lookalike/onnx'
import { z } from 'zod'

export const headSchema = z.strictObject({
  dim: z.int().min(1).exactOptional().describe("Length of the embedding. Default: the encoder's."),
  hidden: z
    .array(z.int().min(1))
    .default([])
    .describe('Widths of hidden layers with ReLU between. None: one linear layer.'),
  normalise: z.boolean().default(true).describe('L2-normalise the embedding.'),
})

export type HeadOptions = z.input<typeof headSchema>

/** Weights of a head have names that begin so. */
export const HEAD = 'lookalike.head.'

export interface Head {
  /** `features` [N, inputs] to `output` [N, dim]. */
  readonly model: OnnxModel
  readonly output: string
  readonly dim: number
}

/** A head: linear layers with seeded first weights, those of the last layer orthogonal, the hidden ones as He et al. 2015. */
export function buildHead(
  inputs: number,
  seed: number,
  options: HeadOptions = {},
  { opset = 17, output = 'embedding' } = {},
): Head {
  const { dim = inputs, hidden, normalise } = headSchema.parse(options)
  const random = createRandom(seed).fork('head')
  const g = createGraphBuilder({ opset, name: 'head' })
  const layer = (value: string, from: number, to: number, i: number, data: Float32Array) => {
    const weight = g.initializer(`${HEAD}${i}.weight`, float32(data, [from, to]))
    return g.add(g.matMul(value, weight), g.initializer(`${HEAD}${i}.bias`, float32(new Float32Array(to))))
  }
  let value = g.input('features', 'float32', ['N', inputs])
  let width = inputs
  for (const [i, next] of hidden.entries()) {
    const deviation = Math.sqrt(2 / width)
    const stream = random.fork(`${i}`)
    value = g.relu(
      layer(
        value,
        width,
        next,
        i,
        Float32Array.from({ length: width * next }, () => stream.normal() * deviation),
      ),
    )
    width = next
  }
  value = layer(value, width, dim, hidden.length, orthogonalMatrix(width, dim, random.fork('last')))
  g.output(normalise ? g.l2Normalise(value) : value, output, { shape: ['N', dim] })
  return { model: g.build(), output, dim }
}

/** Puts a new head on the output of a model; the embedding is then the only output. */
export function addHead(
  model: OnnxModel,
  output: string,
  inputs: number,
  seed: number,
  options: HeadOptions = {},
): Head {
  const head = buildHead(inputs, seed, options, { opset: model.opset['']!, output: freeName(model, 'embedding') })
  return { ...head, model: connectHead(model, output, head.model) }
}

/** A model with a head that was built for it. */
export function connectHead(model: OnnxModel, output: string, head: OnnxModel): OnnxModel {
  return connectModels(extractModel(model, { outputs: [output] }), head, { feed: { features: output }, prefix: '' })
}

export function freeName({ graph }: OnnxModel, name: string): string {
  const taken = new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ])
  let free = name
  while (taken.has(free)) free += '_'
  return free
}
