import { LookalikeError, type Preprocessing } from '@lookalike/core'
import { createGraphBuilder, float32, type GraphBuilder, type OnnxModel } from '@lookalike/onnx'
import { combinedDim, type EnsembleModel, type Source, sourcesOf } from '../combiner/ensemble-model.js'
import type { FeatureMap } from '../context/prepare-features.js'
import type { Head } from '../context/train-head.js'
import { addPreprocessing } from './add-preprocessing.js'
import { addWeights } from './add-weights.js'
import { affine } from './affine.js'

/** One network of an ensemble, and how its pixels are made. */
export interface MergeNetwork {
  readonly name: string
  readonly model: OnnxModel
  readonly input: string
  readonly output: string
  readonly preprocessing: Preprocessing
}

/**
 * A whole ensemble as one network: `pixels` [N, 3, H, W] to `gallery` and `query` [N, combined dim], whose inner product is the combined
 * similarity. Heads, principal components and the weights' regressors or map are nodes of the graph; a base that several heads share runs once.
 *
 * @param networks one for each of the query's `sourcesOf`, in their order
 * @throws `ensemble/preprocessing` where networks take pixels of different sizes or cuts; `ensemble/opset`
 */
export function mergeEnsemble(ensemble: EnsembleModel, networks: readonly MergeNetwork[]): OnnxModel {
  const [first] = networks as readonly [MergeNetwork, ...MergeNetwork[]]
  const opset = first.model.opset['']!
  for (const { name, model } of networks)
    if (model.opset[''] !== opset) throw otherOpset(first, name, opset, model.opset['']!)
  const g = createGraphBuilder({ opset, name: 'context-ensemble', prefix: 'ensemble/' })
  const { crop, layout } = first.preprocessing
  const batch =
    networks
      .map(({ model, input }) => model.graph.inputs.find(({ name }) => name === input)?.shape?.[0])
      .find((rows) => typeof rows === 'number') ?? 'N'
  const pixels = g.input(
    'pixels',
    'float32',
    layout === 'nchw' ? [batch, 3, crop.height, crop.width] : [batch, crop.height, crop.width, 3],
  )
  const embed = (source: Source): string => {
    const at = sourcesOf(ensemble, 'query').findIndex((other) => JSON.stringify(other) === JSON.stringify(source))
    const { name, model, input, output, preprocessing } = networks[at]!
    const fed = addPreprocessing(g, pixels, first, { name, preprocessing })
    return g.l2Normalise(g.include(model.graph, { [input]: fed }, `network-${at + 1}/`)[output]!)
  }
  const bases = new Map(
    sourcesOf(ensemble, 'query').flatMap((source) =>
      source.kind === 'base'
        ? [[source.base, addFeatures(g, embed(source), ensemble.bases[source.base]!.features)] as const]
        : [],
    ),
  )
  const parts = ensemble.members.map((member, at) =>
    member.form === 'head'
      ? g.l2Normalise(addHead(g, bases.get(member.base)!, member.head))
      : embed({ kind: 'member', member: at }),
  )
  const shape = [batch, combinedDim(ensemble)]
  g.output(g.concat(parts, 1), 'gallery', { shape })
  const weighted = addWeights(g, ensemble.weights, bases.get(ensemble.weightsBase ?? 0)).map((weight, k) =>
    g.mul(parts[k]!, weight),
  )
  g.output(g.concat(weighted, 1), 'query', { shape })
  const models = networks.map(({ model }) => model)
  return {
    irVersion: Math.max(...models.map(({ irVersion }) => irVersion)),
    opset: Object.assign({}, ...models.map((model) => model.opset)) as OnnxModel['opset'],
    producer: first.model.producer,
    graph: g.graph(),
    metadata: { 'lookalike.preprocessing': JSON.stringify(first.preprocessing) },
    functions: models.flatMap(({ functions }) => functions),
  }
}

/** Unit embeddings along their principal components: `[N, pca.dim]`. */
function addFeatures(g: GraphBuilder, unit: string, { pca, scale }: FeatureMap): string {
  return affine(g, unit, { ...pca, factor: () => scale })
}

function addHead(g: GraphBuilder, features: string, { inputDim, dim, weight }: Head): string {
  const data = new Float32Array(weight.length)
  for (let o = 0; o < dim; o++) for (let i = 0; i < inputDim; i++) data[i * dim + o] = weight[o * inputDim + i]!
  return g.matMul(features, g.constant(float32(data, [inputDim, dim])))
}

function otherOpset(first: MergeNetwork, name: string, opset: number, other: number): LookalikeError {
  return new LookalikeError(
    'ensemble/opset',
    {
      problem: `The network of ${first.name} uses version ${opset} of ONNX's operators, that of ${name} version ${other}`,
      expected: 'one version in a merged ensemble',
      fix: 'Export the encoders with the same opset, or serve the folder as it is.',
    },
    { fields: { opset, other } },
  )
}
