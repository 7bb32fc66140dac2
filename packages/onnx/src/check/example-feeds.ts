import { createRandom, LookalikeError } from '@lookalike/core'
import type { OnnxModel } from '../model/model.js'
import { float32, sizeOf } from '../model/tensor.js'
import type { Feeds } from '../session/open-session.js'

/** Two images of noise, in the size that the model states; 224 x 224 where it states none. */
export function exampleFeeds(model: OnnxModel, seed = 0): Feeds {
  const random = createRandom(seed)
  return Object.fromEntries(
    model.graph.inputs.map(({ name, type, shape }) => {
      if (type !== 'float32' || !shape) {
        throw new LookalikeError(
          'onnx/example',
          {
            problem: `The input ${name} is ${type ?? 'of no stated type'}${shape ? '' : ' and states no shape'}`,
            expected: 'float32 images with a stated number of dimensions',
            fix: 'Give example inputs.',
          },
          { fields: { input: name } },
        )
      }
      const dims = shape.map((dim, axis) =>
        typeof dim === 'number' ? dim : axis === 0 ? 2 : shape.length === 4 && axis === 1 ? 3 : 224,
      )
      return [
        name,
        float32(
          Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
          dims,
        ),
      ]
    }),
  )
}
