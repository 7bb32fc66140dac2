import { checkOptions, definePlugin, LookalikeError, type Loss, pluginRef, type UnboundLoss } from '@lookalike/core'
import * as z from 'zod'
import type { PairLoss } from './pair/create-pair-loss.js'

/*
 * Cross-batch memory: Wang, Zhang, Huang, Scott, "Cross-Batch Memory for Embedding Learning", CVPR 2020, arXiv 1912.06798.
 */

const memoryOptions = {
  size: z.number().int().positive().default(4096).describe('Embeddings remembered, the newest ones. Ours.'),
  startStep: z
    .number()
    .int()
    .min(0)
    .default(1000)
    .describe('Steps without memory, while the embeddings still move fast. 1000 as in the paper.'),
}

const crossBatchMemoryOptions = z.strictObject({
  loss: pluginRef('loss').describe('The pair-based loss to wrap.'),
  ...memoryOptions,
})

/** An interface, for it refers to itself: a loss is an option of this loss. */
export interface CrossBatchMemoryPluginOptions extends z.input<typeof crossBatchMemoryOptions> {}

export interface CrossBatchMemoryOptions {
  readonly size?: number | undefined
  readonly startStep?: number | undefined
}

/**
 * Lets a pair-based loss compare each batch with the embeddings of past batches too. The memory is constant for the gradient
 * and part of the loss's state, so that a resumed run goes on as if it had not stopped.
 *
 * @throws when bound: `loss/no-pairs` for a loss that does not compare pairs.
 */
export function crossBatchMemory(inner: UnboundLoss, options: CrossBatchMemoryOptions = {}): UnboundLoss {
  const { size, startStep } = checkOptions('cross-batch-memory', z.strictObject(memoryOptions), options)
  return {
    async bind(binding) {
      const loss = await inner.bind(binding)
      if (!isPairLoss(loss)) {
        loss.dispose()
        throw new LookalikeError(
          'loss/no-pairs',
          {
            problem: `${loss.name} cannot use a memory of past batches`,
            expected: 'a loss on pairs: triplet, contrastive, multi-similarity, nt-xent, sup-con, circle',
            fix: 'Losses with proxies need no memory: their proxies stand for all images.',
          },
          { fields: { loss: loss.name } },
        )
      }
      const { dim } = binding
      const embeddings = new Float32Array(size * dim)
      const labels = new Int32Array(size)
      // Rows in use, and the row that is written next.
      const cursor = new Int32Array(2)

      return {
        specVersion: 'v1',
        name: `cross-batch-memory(${loss.name})`,
        input: 'labels',
        engine: loss.engine,
        parameters: loss.parameters,
        async compute(input) {
          const filled = cursor[0]!
          const memory = { embeddings: embeddings.subarray(0, filled * dim), labels: labels.subarray(0, filled) }
          const output = await loss.computeWith(input, memory)
          if (input.step >= startStep) {
            for (let row = 0; row < input.rows; row++) {
              const next = cursor[1]!
              // Copied one by one: a batch may come in any array of numbers.
              for (let d = 0; d < dim; d++) embeddings[next * dim + d] = input.embeddings[row * dim + d]!
              labels[next] = input.labels![row]!
              cursor[0] = Math.max(cursor[0]!, next + 1)
              cursor[1] = (next + 1) % size
            }
          }
          return { ...output, logs: { ...output.logs, 'cross-batch-memory/size': filled } }
        },
        state: () => ({ embeddings: embeddings.slice(), labels: labels.slice(), cursor: cursor.slice() }),
        restore(state) {
          const saved = { embeddings: state['embeddings'], labels: state['labels'], cursor: state['cursor'] }
          if (
            saved.embeddings?.length !== embeddings.length ||
            saved.labels?.length !== size ||
            saved.cursor?.length !== 2
          ) {
            throw new LookalikeError(
              'loss/state',
              {
                problem: `The saved memory holds ${saved.labels?.length ?? 0} embeddings`,
                expected: `${size} of ${dim} dimensions`,
                fix: 'Resume with the options that the run was started with.',
              },
              { fields: { saved: saved.labels?.length ?? 0, size, dim } },
            )
          }
          embeddings.set(saved.embeddings)
          labels.set(saved.labels)
          cursor.set(saved.cursor)
        },
        dispose: () => loss.dispose(),
      } satisfies Loss
    },
  }
}

const isPairLoss = (loss: Loss): loss is PairLoss => 'computeWith' in loss

export const crossBatchMemoryPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'cross-batch-memory',
  description: 'Lets a pair-based loss compare each batch with past batches too.',
  options: crossBatchMemoryOptions,
  create: async ({ loss, ...options }, context) => crossBatchMemory(await context.create('loss', loss), options),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'cross-batch-memory': CrossBatchMemoryPluginOptions
  }
}
