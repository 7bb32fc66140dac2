import { createRandom } from '@lookalike/core'
import { createSession, float32, type OnnxModel, type Tensor } from '@lookalike/onnx'

/** What a network makes of images of noise, the same noise each time. */
export async function runOnNoise(model: OnnxModel, images: number, height: number, width = height): Promise<Tensor> {
  const session = await createSession(model, { threads: 1 })
  const random = createRandom('pixels')
  const pixels = Float32Array.from({ length: images * 3 * height * width }, () => random.normal())
  const outputs = await session.run({ pixel_values: float32(pixels, [images, 3, height, width]) })
  await session.dispose()
  return Object.values(outputs)[0]!
}

/** Numbers that training changes. */
export const countWeights = ({ graph }: OnnxModel): number =>
  [...graph.initializers].reduce((sum, [name, { data }]) => sum + (name.startsWith('constant') ? 0 : data.length), 0)
