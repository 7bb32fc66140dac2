import { LookalikeError, type Preprocessing } from '@lookalike/core'
import { float32, type GraphBuilder } from '@lookalike/onnx'

interface Prepared {
  readonly name: string
  readonly preprocessing: Preprocessing
}

/**
 * Pixels made for one network as another takes them: values are shifted and scaled, channel by channel, which is exact. Sizes, cuts and
 * interpolation must be the same.
 *
 * @throws `ensemble/preprocessing`
 */
export function addPreprocessing(g: GraphBuilder, pixels: string, from: Prepared, to: Prepared): string {
  const [given, wanted] = [from.preprocessing, to.preprocessing]
  const differing = GEOMETRY.filter((name) => JSON.stringify(given[name]) !== JSON.stringify(wanted[name]))
  if (differing.length > 0) throw otherGeometry(from, to, differing)
  const factors = [0, 1, 2].map((c) => ((given.std[c]! / given.scale) * wanted.scale) / wanted.std[c]!)
  const offsets = [0, 1, 2].map(
    (c) => ((given.mean[c]! / given.scale) * wanted.scale - wanted.mean[c]!) / wanted.std[c]!,
  )
  if (factors.every((factor) => factor === 1) && offsets.every((offset) => offset === 0)) return pixels
  if (given.channels === 'bgr') [factors, offsets].forEach((values) => values.reverse())
  const shape = given.layout === 'nchw' ? [1, 3, 1, 1] : [1, 1, 1, 3]
  return g.add(g.mul(pixels, g.constant(float32(factors, shape))), g.constant(float32(offsets, shape)))
}

const GEOMETRY = [
  'resize',
  'crop',
  'interpolation',
  'background',
  'channels',
  'layout',
] as const satisfies readonly (keyof Preprocessing)[]

function otherGeometry(from: Prepared, to: Prepared, differing: readonly (typeof GEOMETRY)[number][]): LookalikeError {
  const say = ({ preprocessing }: Prepared) =>
    differing.map((name) => `${name} ${JSON.stringify(preprocessing[name])}`).join(', ')
  return new LookalikeError(
    'ensemble/preprocessing',
    {
      problem: `${from.name} takes images with ${say(from)}, and ${to.name} with ${say(to)}`,
      expected:
        'images of one size, cut and interpolation for all networks of a merged ensemble; scale, mean and std may differ',
      fix: 'Give the encoders the same preprocessing before training, or serve the folder as it is.',
    },
    { fields: { from: from.name, to: to.name, differing } },
  )
}
