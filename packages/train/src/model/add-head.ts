import { createRandom } from '@lookalike/core'
import { createGraphBuilder, float32, type GraphBuilder, type OnnxModel } from '@lookalike/onnx'
import { z } from 'zod'
import { orthogonalMatrix } from './orthogonal-matrix.js'

export const headSchema = z.strictObject({
  dim: z.int().min(1).default(512).describe('Length of the embedding.'),
  hidden: z.array(z.int().min(1)).default([]).describe('Widths of hidden layers with ReLU between. None: one linear layer.'),
  normalise: z.boolean().default(true).describe('L2-normalise the embedding.'),
})

export type HeadOptions = z.input<typeof headSchema>

export interface HeadPlace {
  /** The tensor that the head reads, `[N, inputs]`. */
  readonly output: string
  /** Its length. */
  readonly inputs: number
  readonly seed: number
}

/** Weights of a head have names that begin so. */
export const HEAD = 'lookalike.head.'

/** Puts a new head on a model: linear layers, the last one with orthogonal first weights. The embedding is then the only output. */
export function addHead(model: OnnxModel, place: HeadPlace, options: HeadOptions = {}): { readonly model: OnnxModel; readonly output: string; readonly dim: number } {
  const g = createGraphBuilder({ opset: Math.min(21, model.opset['']!), name: model.graph.name })
  const inputs = Object.fromEntries(model.graph.inputs.map(({ name, type, shape }) => [name, g.input(name, type ?? 'float32', shape ?? [])]))
  const below = g.include(model.graph, inputs)[place.output]!
  const output = finishHead(g, below, place, options, freeName(model, 'embedding'))
  const built = g.build()
  return {
    ...output,
    model: {
      ...built,
      irVersion: Math.max(built.irVersion, model.irVersion),
      opset: { ...built.opset, ...model.opset },
      functions: model.functions,
      metadata: model.metadata,
    },
  }
}

/** A head alone, from embeddings to embeddings, for training on embeddings that were computed before. */
export function buildHead(place: Omit<HeadPlace, 'output'>, options: HeadOptions = {}): { readonly model: OnnxModel; readonly input: string; readonly output: string; readonly dim: number } {
  const g = createGraphBuilder({ opset: 17, name: 'head' })
  const input = g.input('features', 'float32', ['N', place.inputs])
  const made = finishHead(g, input, { ...place, output: input }, options, 'embedding')
  return { ...made, model: g.build(), input }
}

function finishHead(g: GraphBuilder, x: string, { inputs, seed }: HeadPlace, options: HeadOptions, name: string): { readonly output: string; readonly dim: number } {
  const { dim, hidden, normalise } = headSchema.parse(options)
  const random = createRandom(seed).fork('head')
  const layer = (value: string, from: number, to: number, i: number, data: Float32Array) => {
    const weight = g.initializer(`${HEAD}${i}.weight`, float32(data, [from, to]))
    return g.add(g.matMul(value, weight), g.initializer(`${HEAD}${i}.bias`, float32(new Float32Array(to))))
  }
  let value = x
  let width = inputs
  for (const [i, next] of hidden.entries()) {
    const deviation = Math.sqrt(2 / width)
    const stream = random.fork(`${i}`)
    value = g.relu(layer(value, width, next, i, Float32Array.from({ length: width * next }, () => stream.normal() * deviation)))
    width = next
  }
  value = layer(value, width, dim, hidden.length, orthogonalMatrix(width, dim, random.fork('last')))
  return { output: g.output(normalise ? g.l2Normalise(value) : value, name, { shape: ['N', dim] }), dim }
}

function freeName({ graph }: OnnxModel, name: string): string {
  const taken = new Set([...graph.inputs.map((input) => input.name), ...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  let free = name
  while (taken.has(free)) free += '_'
  return free
}
