import type { Loss, LossInput } from '@lookalike/core'

export interface GradientCheck {
  readonly largest: number
  readonly worst: number
}

/**
 * Compares the gradients of the embeddings and of all parameters with central differences at some places. Returns the largest
 * gradient entry that was looked at and the worst difference.
 */
export async function checkGradients(loss: Loss, input: LossInput, step = 1e-2, places = 40): Promise<GradientCheck> {
  const { gradients } = await loss.compute(input)
  const arrays = [
    { data: input.embeddings, gradient: gradients.embeddings },
    ...loss.parameters.map(({ name, data }) => ({ data, gradient: gradients.parameters[name]! })),
  ]
  let largest = 0
  let worst = 0
  for (const { data, gradient } of arrays) {
    const stride = Math.max(1, Math.floor(data.length / places))
    for (let i = 0; i < data.length; i += stride) {
      const held = data[i]!
      const at = async (offset: number) => {
        data[i] = held + offset
        const { value } = await loss.compute(input)
        return { value, x: data[i]! }
      }
      const up = await at(step)
      const down = await at(-step)
      data[i] = held
      const slope = (up.value - down.value) / (up.x - down.x)
      largest = Math.max(largest, Math.abs(gradient[i]!))
      worst = Math.max(worst, Math.abs(slope - gradient[i]!))
    }
  }
  return { largest, worst }
}
