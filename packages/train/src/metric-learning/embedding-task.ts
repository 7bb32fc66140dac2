import type { Loss } from '@lookalike/core'
import type { TrainingTask } from '../loop/training-task.js'
import type { EmbeddingBatch, EmbeddingTraining } from './embedding-training.js'

/** Batches through the network, their embeddings through the loss, and where there is a teacher, its wishes added. */
export function embeddingTask(
  training: EmbeddingTraining,
  loss: Loss,
  batchesOf: (epoch: number) => readonly Int32Array[],
): TrainingTask<EmbeddingBatch> {
  const { data, model, output, dim, headOnly, distillation } = training
  return {
    batches: (epoch) => batchesOf(epoch).length,
    load: (epoch, start) => training.load(epoch, batchesOf(epoch), start),
    size: ({ positions }) => positions.length,
    describe: ({ positions }) => Array.from(positions, (position) => data.items[position]!.id),
    async step({ positions, feeds }, { epoch, step, totalSteps }) {
      const lossOf = async (outputs: Readonly<Record<string, { readonly data: Float32Array }>>) => {
        const embeddings = outputs[output]!.data
        const labels = positions.map((item) => data.labels[item]!)
        const computed = await loss.compute({ embeddings, rows: positions.length, dim, labels, step, totalSteps })
        const taught = distillation?.compute(embeddings, positions)
        if (!taught) return { gradients: { [output]: computed.gradients.embeddings }, result: computed }
        const value = computed.value + taught.value
        return {
          gradients: { [output]: taught.gradient.map((wish, i) => wish + computed.gradients.embeddings[i]!) },
          result: { ...computed, value, logs: { ...computed.logs, distillation: taught.value } },
        }
      }
      const only = headOnly && epoch < headOnly.epochs ? headOnly.names : undefined
      const { result, gradients, times } = await model.step(feeds, lossOf, { only })
      const all = new Map(gradients)
      for (const [name, gradient] of Object.entries(result.gradients.parameters)) all.set(`loss/${name}`, gradient)
      return { value: result.value, gradients: all, logs: result.logs, times: { ...times } }
    },
    validate: data.validation.length > 0 ? training.embedValidation : undefined,
    state: () => loss.state?.() ?? {},
    restore: (state) => loss.restore?.(state),
  }
}
