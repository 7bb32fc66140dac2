import { float32, type TensorOf } from '../../model/tensor.js'
import type { Case } from './case.js'
import type { Bias } from './find-attentions.js'

/** [images, windows, heads, T, T'] */
type Dims = readonly [number, number, number, number, number]

/** What is added to the scores: undefined where nothing is, false where no operator takes it. */
export type Added = TensorOf<'float32'> | undefined | false

/**
 * The sum of all that is added to the scores, as [windows or 1, H or 1, T, T']: the same for all images, of which each may be cut into windows.
 * It depends on no pixels, so it is computed here.
 */
export function addedBias({ attention, found, sizes, batch }: Case): Added {
  const { biases } = attention
  const { images, heads, tokens } = sizes.queries
  if (biases.length === 0) return undefined
  if (images % batch !== 0) return false
  const dims: Dims = [batch, images / batch, heads, tokens, sizes.keys.tokens]
  const each = dims[1] * dims[2] * dims[3] * dims[4]
  const sum = new Float32Array(each)
  for (const bias of biases) {
    const at = placeOf(bias, found.shapes.get(bias.tensor)!, dims)
    const added = found.values.get(bias.tensor)
    if (!at || added?.type !== 'float32') return false
    for (let i = 0; i < each; i++) {
      const value = added.data[at(0, i)]!
      for (let image = 1; image < dims[0]; image++) if (added.data[at(image, i)] !== value) return false
      sum[i]! += value * bias.factor
    }
  }
  if (hasClosedRow(sum, dims[4])) return false
  if (sum.every((value) => value === 0)) return undefined
  return float32(...folded(...folded(sum, dims.slice(1), 0), 1))
}

/** A tensor with a dimension of 1 where all along an axis is the same. */
function folded(values: Float32Array, shape: readonly number[], axis: number): [Float32Array, readonly number[]] {
  const count = shape[axis]!
  const step = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const place = (i: number) => Math.floor(i / step) % count
  if (!values.every((value, i) => value === values[i - place(i) * step])) return [values, shape]
  return [values.filter((_, i) => place(i) === 0), shape.with(axis, 1)]
}

/** Where the value for an image and a place in [windows, heads, T, T'] lies in a bias that is spread over the scores. */
function placeOf(
  { scores }: Bias,
  shape: readonly number[],
  [images, windows, heads, ...area]: Dims,
): ((image: number, place: number) => number) | undefined {
  // The scores' first dimensions, which may stand for several.
  const outer = [[[images, windows, heads]], [[images, windows], [heads]], [[images], [windows], [heads]]][
    scores.length - 3
  ]
  if (!outer || shape.length > scores.length) return undefined
  const groups = [...outer, ...area.map((dim) => [dim])]
  const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
  if (scores.some((dim, axis) => dim !== product(groups[axis]!))) return undefined
  const aligned = [...scores.slice(shape.length).map(() => 1), ...shape]
  const steps: number[] = []
  let step = 1
  for (let axis = groups.length - 1; axis >= 0; axis--) {
    const spread = aligned[axis] === 1
    let inner = step
    for (const dim of groups[axis]!.toReversed()) {
      steps.unshift(spread ? 0 : inner)
      inner *= dim
    }
    if (!spread) step = inner
  }
  const [, , , rows, columns] = [images, windows, heads, ...area]
  return (image, place) => {
    const column = place % columns!
    const row = Math.floor(place / columns!) % rows!
    const head = Math.floor(place / (columns! * rows!)) % heads
    const window = Math.floor(place / (columns! * rows! * heads))
    return image * steps[0]! + window * steps[1]! + head * steps[2]! + row * steps[3]! + column * steps[4]!
  }
}

/** Whether some token may look at none: what comes of it is the softmax's own affair. */
function hasClosedRow(values: Float32Array, columns: number): boolean {
  for (let start = 0; start < values.length; start += columns) {
    if (values.subarray(start, start + columns).every((value) => value === -Infinity)) return true
  }
  return false
}
