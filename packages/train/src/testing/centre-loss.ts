import { createRandom, type Loss, type UnboundLoss } from '@lookalike/core'

/** A small loss with proxies and a state of its own: cross-entropy over inner products with one proxy a class, and a running mean. */
export function centreLoss(temperature = 0.2): UnboundLoss {
  return {
    async bind({ dim, classes, seed }) {
      const random = createRandom(seed)
      const proxies = Float32Array.from({ length: classes * dim }, () => random.normal() * 0.1)
      const mean = new Float32Array(1)
      return {
        specVersion: 'v1',
        name: 'centre',
        input: 'labels',
        parameters: [{ name: 'proxies', shape: [classes, dim], data: proxies, learningRateFactor: 5, decay: true }],
        state: () => ({ mean: mean.slice() }),
        restore: (state) => mean.set(state['mean'] as Float32Array),
        async compute({ embeddings, rows, labels }) {
          const gradE = new Float32Array(embeddings.length)
          const gradP = new Float32Array(proxies.length)
          let value = 0
          for (let row = 0; row < rows; row++) {
            const scores = Array.from({ length: classes }, (_, c) => {
              let sum = 0
              for (let d = 0; d < dim; d++) sum += embeddings[row * dim + d]! * proxies[c * dim + d]!
              return sum / temperature
            })
            const top = Math.max(...scores)
            const weights = scores.map((score) => Math.exp(score - top))
            const total = weights.reduce((sum, weight) => sum + weight, 0)
            value -= (scores[labels![row]!]! - top - Math.log(total)) / rows
            for (let c = 0; c < classes; c++) {
              const g = (weights[c]! / total - (c === labels![row] ? 1 : 0)) / temperature / rows
              for (let d = 0; d < dim; d++) {
                gradE[row * dim + d]! += g * proxies[c * dim + d]!
                gradP[c * dim + d]! += g * embeddings[row * dim + d]!
              }
            }
          }
          // Makes the gradients depend on the state, so that a resume without it shows.
          mean[0] = 0.9 * mean[0]! + 0.1 * value
          const scale = 1 + 0.1 * Math.tanh(mean[0]!)
          return {
            value,
            gradients: { embeddings: gradE.map((g) => g * scale), parameters: { proxies: gradP } },
            logs: { 'running mean': mean[0]! },
          }
        },
        dispose: () => {},
      } satisfies Loss
    },
  }
}
