import { createSession, type Execution, float32 } from '@lookalike/onnx'
import { TRANSFORM_INPUT, TRANSFORM_OUTPUT, type Transform } from './transform.js'

/** Rows mapped at a time. */
const BLOCK = 4096

/** A transform ready to run. */
export interface Transformer {
  readonly inputDim: number
  readonly outputDim: number
  /** Maps rows of `inputDim` values to unit rows of `outputDim`. */
  apply(rows: Float32Array): Promise<Float32Array>
  dispose(): Promise<void>
}

export async function createTransformer(
  { model, inputDim, outputDim }: Transform,
  execution?: Execution,
): Promise<Transformer> {
  const session = await createSession(model, execution)
  return {
    inputDim,
    outputDim,
    async apply(data) {
      const rows = data.length / inputDim
      const out = new Float32Array(rows * outputDim)
      for (let start = 0; start < rows; start += BLOCK) {
        const count = Math.min(BLOCK, rows - start)
        const input = float32(data.subarray(start * inputDim, (start + count) * inputDim), [count, inputDim])
        const output = float32(out.subarray(start * outputDim, (start + count) * outputDim), [count, outputDim])
        await session.run({ [TRANSFORM_INPUT]: input }, { into: { [TRANSFORM_OUTPUT]: output } })
      }
      return out
    },
    dispose: () => session.dispose(),
  }
}
