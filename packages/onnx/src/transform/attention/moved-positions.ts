import type { Probe } from '../../gradient/probe.js'
import { elementTypeNumber } from '../../model/element-types.js'
import type { Node, OnnxModel } from '../../model/model.js'
import { float32, sizeOf } from '../../model/tensor.js'
import { createSession } from '../../session/create-session.js'
import { neededNodes, readsOf } from '../needed-nodes.js'
import { scaling } from './scaling.js'

/** Operators that move values and change none. */
const MOVES = new Set([
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/** Whether a node moves the values of its first input, in the same way whatever they are. */
export function canMove(node: Node, constants: Probe['values']): boolean {
  const { op, domain, inputs } = node
  // Of 32-bit floats, the only ones that are fused, the conversion to them changes nothing.
  const isMove = domain === '' && (MOVES.has(op) || isToFloat32(node))
  return isMove && inputs.slice(1).every((name) => name === '' || constants.has(name))
}

export function isToFloat32({ op, attributes }: Node): boolean {
  const to = attributes['to']
  return op === 'Cast' && to?.kind === 'int' && to.value === elementTypeNumber('float32')
}

/** For each tensor: at which position of the tensor that it was moved from each of its values lies. */
export type Positions = ReadonlyMap<string, Float32Array>

/** The largest number up to which float32 holds every integer. */
const COUNTABLE = 2 ** 24

/**
 * Runs the operators between sources and what they were moved to, scaling left out, on tensors that are filled with their own positions.
 * Undefined where a source is too large to be counted.
 */
export async function movedPositions(
  model: OnnxModel,
  { shapes, values }: Probe,
  sources: ReadonlySet<string>,
  moved: ReadonlySet<string>,
): Promise<Positions | undefined> {
  if ([...sources].some((name) => sizeOf(shapes.get(name)!) > COUNTABLE)) return undefined
  const counted = [...sources].map((name) => [name, counting(shapes.get(name)!)] as const)
  const targets = [...moved].filter((name) => !sources.has(name))
  const positions = new Map(counted.map(([name, { data }]) => [name, data]))
  if (targets.length === 0) return positions
  const unscaled = model.graph.nodes.map((node): Node => {
    const scaled = scaling(node, { shapes, values })
    return scaled ? { ...node, op: 'Identity', inputs: [scaled.input] } : node
  })
  const constant = (name: string) => values.has(name) && !sources.has(name) && !moved.has(name)
  const stops = new Set([...sources, ...[...values.keys()].filter(constant)])
  const nodes = neededNodes(unscaled, targets, stops)
  const constants = new Set(nodes.flatMap(readsOf).filter(constant))
  const session = await createSession(
    {
      ...model,
      graph: {
        name: 'positions',
        nodes,
        inputs: counted.map(([name, { type, shape }]) => ({ name, type, shape })),
        outputs: targets.map((name) => ({ name, type: 'float32' as const })),
        initializers: new Map([...constants].map((name) => [name, values.get(name)!])),
      },
    },
    { optimisation: 'disabled', arena: false, threads: 1 },
  )
  try {
    const results = await session.run(Object.fromEntries(counted))
    for (const name of targets) positions.set(name, results[name]!.data as Float32Array)
    return positions
  } finally {
    await session.dispose()
  }
}

function counting(shape: readonly number[]) {
  const positions = new Float32Array(sizeOf(shape))
  for (let i = 0; i < positions.length; i++) positions[i] = i
  return float32(positions, shape)
}
