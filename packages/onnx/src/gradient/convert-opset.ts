import { LookalikeError } from '@lookalike/core'
import type { Attribute, Node, OnnxModel } from '../model/model.js'
import { float32, int64, type Tensor } from '../model/tensor.js'

/** The oldest version that gradients are written for. */
const OLDEST = 11

/**
 * A model of ONNX's opsets 7 to 10 in opset 11, operator by operator: settings that became inputs, and inputs that moved. Later models stay
 * as they are.
 *
 * @throws `onnx/opset` for older ones, and for operators whose meaning changed.
 */
export function convertOpset(model: OnnxModel): OnnxModel {
  const opset = model.opset[''] ?? 0
  if (opset >= OLDEST) return model
  const initializers = new Map<string, Tensor>(model.graph.initializers)
  const constant = (node: Node, what: string, tensor: Tensor) => {
    const name = `${node.outputs[0]} ${what}`
    initializers.set(name, tensor)
    return name
  }
  const nodes = model.graph.nodes.map((node) => {
    if (node.domain !== '') return node
    if (opset < 7 || (CHANGED.has(node.op) && opset < 9)) throw changed(node, opset)
    return CONVERSIONS[node.op]?.(node, opset, (what, tensor) => constant(node, what, tensor)) ?? node
  })
  return {
    ...model,
    irVersion: Math.max(6, model.irVersion),
    opset: { ...model.opset, '': OLDEST },
    graph: { ...model.graph, nodes, initializers },
  }
}

const CHANGED = new Set(['Scan'])

type Conversion = (node: Node, opset: number, constant: (what: string, tensor: Tensor) => string) => Node | undefined

const ints = (attribute: Attribute | undefined) => (attribute?.kind === 'ints' ? attribute.value : undefined)
const float = (attribute: Attribute | undefined) => (attribute?.kind === 'float' ? attribute.value : undefined)

/** The node with some settings as further inputs. */
function moved(node: Node, settings: readonly string[], inputs: readonly string[]): Node {
  return {
    ...node,
    inputs: [...node.inputs, ...inputs],
    attributes: Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !settings.includes(name))),
  }
}

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  Slice: (node, opset, constant) => {
    const [starts, ends] = [ints(node.attributes['starts']), ints(node.attributes['ends'])]
    if (opset >= 10 || !starts || !ends) return undefined
    const axes = ints(node.attributes['axes']) ?? starts.map((_, i) => i)
    const inputs = Object.entries({ starts, ends, axes }).map(([name, values]) => constant(name, int64(values)))
    return moved(node, ['starts', 'ends', 'axes'], inputs)
  },
  Clip: (node, _, constant) => {
    const bound = (name: 'min' | 'max') => {
      const value = float(node.attributes[name])
      return value === undefined ? '' : constant(name, float32([value], []))
    }
    return moved(node, ['min', 'max'], [bound('min'), bound('max')])
  },
  Pad: (node, _, constant) => {
    const inputs = [
      constant('pads', int64(ints(node.attributes['pads']) ?? [])),
      constant('value', float32([float(node.attributes['value']) ?? 0], [])),
    ]
    return moved(node, ['pads', 'value'], inputs)
  },
  TopK: (node, opset, constant) => {
    const k = node.attributes['k']
    return opset < 10 && k?.kind === 'int' ? moved(node, ['k'], [constant('k', int64([k.value]))]) : undefined
  },
  Scatter: (node) => ({ ...node, op: 'ScatterElements' }),
  Upsample: resizing,
  Resize: resizing,
  BatchNormalization: (node, opset) => {
    const spatial = node.attributes['spatial']
    if (spatial?.kind === 'int' && spatial.value === 0) throw changed(node, opset)
    return moved(node, ['spatial'], [])
  },
}

/** Before opset 11 pixels lay at `x * scale`, and the nearest was the one before. */
function resizing(node: Node, opset: number, constant: (what: string, tensor: Tensor) => string): Node {
  const scales = node.attributes['scales']
  const given = scales?.kind === 'floats' ? constant('scales', float32(scales.value)) : node.inputs[1]
  if (given === undefined) throw changed(node, opset)
  const mode = node.attributes['mode']
  return {
    ...node,
    op: 'Resize',
    inputs: [node.inputs[0]!, constant('roi', float32([])), given],
    attributes: {
      mode: { kind: 'string', value: mode?.kind === 'string' ? mode.value : 'nearest' },
      coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
      nearest_mode: { kind: 'string', value: 'floor' },
    },
  }
}

function changed(node: Node, opset: number): LookalikeError {
  return new LookalikeError(
    'onnx/opset',
    {
      problem: `The model is in opset ${opset}, and its node ${node.name} (${node.op}) means something else in later ones`,
      expected: `opset ${OLDEST} or later for training`,
      fix: 'Export the model again with a later opset (17 is widely understood).',
    },
    { fields: { opset, op: node.op, node: node.name } },
  )
}
