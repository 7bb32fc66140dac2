import { isLazy } from '../model/lazy-tensor.js'
import type { Graph, OnnxModel } from '../model/model.js'
import { sizeOf, type Tensor } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import type { Feeds, SessionOptions } from '../session/open-session.js'
import { readsOf } from '../transform/needed-nodes.js'

/** What was seen of a model when it ran once. */
export interface Probe {
  /** The actual shape of every tensor, inputs and weights included. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** The values of all tensors that depend on shapes and constants only. */
  readonly values: ReadonlyMap<string, Tensor>
  /** What came out, for these inputs. */
  readonly results: Readonly<Record<string, Tensor>>
}

export interface ProbeOptions extends Pick<SessionOptions, 'name' | 'threads'> {
  /** Weights that will be changed: what depends on them is no constant. */
  readonly varying?: ReadonlySet<string> | undefined
}

/** Operators whose result depends on no values of their input, or on chance. */
const SHAPE_ONLY = new Set(['Shape', 'Size'])
const RANDOM = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
])
/** Weights of fewer values stay in the model: operators want constants, such as axes, there. */
const LENT_VALUES = 1024

/**
 * Runs the model once, node by node without any rewriting, and reads every tensor's shape, and the values of those that neither inputs nor
 * `varying` weights can change.
 *
 * @throws what `createSession` and `run` throw
 * @example
 * const { shapes, results } = await probe(model, { pixel_values: float32(new Float32Array(2 * 3 * 64 * 64), [2, 3, 64, 64]) })
 */
export async function probe(
  model: OnnxModel,
  feeds: Feeds,
  { name, threads, varying = new Set() }: ProbeOptions = {},
): Promise<Probe> {
  const { graph } = model
  const fixed = fixedTensors(graph, varying)
  const made = graph.nodes.flatMap(({ outputs }) => outputs.filter(Boolean))
  const values = new Map<string, Tensor>([...graph.initializers].filter(([name]) => !varying.has(name)))
  const shapes = new Map<string, readonly number[]>()
  for (const [name, { shape }] of [...graph.initializers, ...Object.entries(feeds)]) shapes.set(name, shape)
  if (made.length === 0) return { shapes, values, results: {} }

  const shapeName = (name: string) => `shape of ${name}`
  const open = made.filter((name) => !fixed.has(name))
  const out = graph.outputs.filter(({ name }) => made.includes(name))
  // Large weights are lent to the run: writing them into a model file and reading that would take far longer than the run.
  const isLent = ([, tensor]: readonly [string, Tensor]) =>
    tensor.type === 'float32' && !isLazy(tensor) && sizeOf(tensor.shape) >= LENT_VALUES
  const lent = [...graph.initializers].filter(isLent)
  const probing: Graph = {
    ...graph,
    inputs: [...graph.inputs, ...lent.map(([name, { type, shape }]) => ({ name, type, shape }))],
    initializers: new Map([...graph.initializers].filter((entry) => !isLent(entry))),
    nodes: [
      ...graph.nodes,
      ...open.map((name) => ({
        name: shapeName(name),
        op: 'Shape',
        domain: '',
        inputs: [name],
        outputs: [shapeName(name)],
        attributes: {},
      })),
    ],
    outputs: [
      ...made.filter((name) => fixed.has(name)).map((name) => ({ name })),
      ...open.map((name) => ({ name: shapeName(name), type: 'int64' as const })),
      ...out.filter(({ name }) => !fixed.has(name)),
    ],
  }
  const session = await createSession(
    { ...model, graph: probing },
    { name, threads, spinning: false, optimisation: 'disabled', arena: false },
  )
  try {
    const results = await session.run({ ...feeds, ...Object.fromEntries(lent) })
    for (const name of open) shapes.set(name, Array.from(results[shapeName(name)]!.data as BigInt64Array, Number))
    for (const [name, tensor] of Object.entries(results)) {
      if (!fixed.has(name)) continue
      shapes.set(name, tensor.shape)
      values.set(name, tensor)
    }
    return { shapes, values, results: Object.fromEntries(out.map(({ name }) => [name, results[name]!])) }
  } finally {
    await session.dispose()
  }
}

function fixedTensors(graph: Graph, varying: ReadonlySet<string>): Set<string> {
  const fixed = new Set([...graph.initializers.keys()].filter((name) => !varying.has(name)))
  for (const node of graph.nodes) {
    const certain = SHAPE_ONLY.has(node.op) || (!RANDOM.has(node.op) && readsOf(node).every((name) => fixed.has(name)))
    if (certain) for (const output of node.outputs) fixed.add(output)
  }
  return fixed
}
