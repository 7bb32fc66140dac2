import { LookalikeError } from '@lookalike/core'
import { extractModel, type OnnxModel } from '@lookalike/onnx'

/** A network in two: what stays as it is, and what is trained on top of it. */
export interface FrozenSplit {
  /** The network's input to the tensors at the cut. */
  readonly frozen: OnnxModel
  /** The tensors at the cut to the output. */
  readonly trained: OnnxModel
  readonly tensors: readonly string[]
}

/**
 * Cuts a network right before the first weights that are trained: everything in front of the cut depends on the image alone.
 *
 * @param trainable the weights that are trained
 * @throws `train/nothing-frozen` where the cut would lie before the network's first operation
 */
export function splitFrozen(
  model: OnnxModel,
  trainable: readonly string[],
  input: string,
  output: string,
): FrozenSplit {
  const trains = new Set(trainable)
  const ofImage = new Set([input])
  // What says how large tensors are, and not what is in them: computed anew on both sides of the cut.
  const sizes = new Map<string, readonly string[]>()
  const cut = new Set<string>()
  const need = (name: string): void => {
    if (!ofImage.has(name) || trains.has(name)) return
    const from = sizes.get(name)
    if (from) from.forEach(need)
    else cut.add(name)
  }
  for (const { op, inputs, outputs } of model.graph.nodes) {
    const isTrained = inputs.some((name) => trains.has(name))
    const read = inputs.filter((name) => ofImage.has(name))
    const isSize = read.length > 0 && (op === 'Shape' || read.every((name) => sizes.has(name)))
    for (const name of outputs) {
      if (isTrained) trains.add(name)
      if (read.length > 0) ofImage.add(name)
      if (isSize) sizes.set(name, read)
    }
    if (isTrained) inputs.forEach(need)
  }
  if (cut.has(input) || cut.size === 0) {
    throw new LookalikeError('train/nothing-frozen', {
      problem: 'The frozen outputs were to be kept, and the first layer is trained: nothing is the same in every epoch',
      expected: '"freeze" to name all layers in front of those that are trained',
      fix: 'Name the first layers too, such as freeze: ["*patch_embed*", "cls_token", "pos_embed", "blocks.0.*", "blocks.1.*"], or leave cacheFrozen out.',
    })
  }
  const tensors = [...cut]
  return {
    frozen: extractModel(model, { outputs: tensors }),
    trained: extractModel(model, { inputs: tensors, outputs: [output] }),
    tensors,
  }
}
