import type { Probe } from '../../gradient/probe.js'
import type { Node, OnnxModel } from '../../model/model.js'
import { float32, sizeOf } from '../../model/tensor.js'
import { createSession } from '../../session/create-session.js'
import { neededNodes, readsOf } from '../needed-nodes.js'
import { scaling } from './scaling.js'

/** A tensor that holds the values of another, moved and scaled by constants only. */
export interface Move {
  readonly source: string
  readonly target: string
}

/** For each target: at which position of its source each of its values lies. */
export type Positions = ReadonlyMap<string, Float32Array>

/** The largest number up to which float32 holds every integer. */
const COUNTABLE = 2 ** 24

/** Runs the operators between sources and targets on tensors that are filled with their own positions. */
export async function movedPositions(
  model: OnnxModel,
  { shapes, values }: Probe,
  moves: readonly Move[],
): Promise<Positions> {
  const counted = moves.filter(({ source }) => sizeOf(shapes.get(source)!) <= COUNTABLE)
  if (counted.length === 0) return new Map()
  const sources = [...new Set(counted.map(({ source }) => source))]
  const targets = [...new Set(counted.map(({ target }) => target))]
  const unscaled = model.graph.nodes.map((node): Node => {
    const scaled = scaling(node, { shapes, values })
    return scaled ? { ...node, op: 'Identity', inputs: [scaled.input] } : node
  })
  const nodes = neededNodes(unscaled, targets, new Set([...sources, ...values.keys()]))
  const constants = new Set(nodes.flatMap(readsOf).filter((name) => values.has(name)))
  const session = await createSession(
    {
      ...model,
      graph: {
        name: 'positions',
        nodes,
        inputs: sources.map((name) => ({ name, type: 'float32' as const, shape: shapes.get(name)! })),
        outputs: targets.map((name) => ({ name, type: 'float32' as const })),
        initializers: new Map([...constants].map((name) => [name, values.get(name)!])),
      },
    },
    { optimisation: 'disabled', arena: false },
  )
  try {
    const results = await session.run(
      Object.fromEntries(
        sources.map((name) => {
          const shape = shapes.get(name)!
          return [
            name,
            float32(
              Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
              shape,
            ),
          ]
        }),
      ),
    )
    return new Map(targets.map((name) => [name, results[name]!.data as Float32Array]))
  } finally {
    await session.dispose()
  }
}
