import { runTrainer } from '@lookalike/pipeline'
import { flip } from '../augmentations/flip.js'
import { metricLearning } from '../metric-learning/metric-learning.js'
import { balanced } from '../samplers/balanced.js'
import { centreLoss } from './centre-loss.js'
import { datasetOf, pictures, tinyEncoder } from './pictures.js'

/** The same small run each time; tells the standard output of every step. */
export async function trainToBeKilled(folder: string, resume: boolean): Promise<void> {
  const trainer = metricLearning(
    {
      loss: 'centre',
      epochs: 8,
      optimizer: { learningRate: 0.01 },
      workers: 0,
      averageDecay: 0.9,
      checkpointEvery: 3,
      validation: 0.2,
    },
    { loss: centreLoss(), sampler: balanced({ labels: 4, instances: 4 }), augmentations: [flip()], threads: 1 },
  )
  await runTrainer(trainer, {
    dataset: datasetOf(pictures(10, 8)),
    encoder: tinyEncoder(),
    folder,
    seed: 1,
    resume,
    onProgress: ({ phase, done }) => phase === 'train' && process.stdout.write(`step ${done}\n`),
  })
  process.stdout.write('finished\n')
}
