import { LookalikeError } from '@lookalike/core'

export function tooFewImages(sampler: string, images: number, batchSize: number): LookalikeError {
  return new LookalikeError(
    'train/too-few-images',
    {
      problem: `The training set has ${images} images, and a batch of the sampler ${sampler} has ${batchSize}`,
      expected: `at least ${batchSize} images`,
      fix: 'Make the batch smaller, or add images.',
    },
    { fields: { sampler, images, batchSize } },
  )
}

export function tooFewClasses(sampler: string, classes: number, wanted: number): LookalikeError {
  return new LookalikeError(
    'train/too-few-classes',
    {
      problem: `The training set has ${classes} ${classes === 1 ? 'class' : 'classes'}, and a batch of the sampler ${sampler} takes ${wanted}`,
      expected: `at least ${wanted} classes`,
      fix: `Set "labels" of the sampler to at most ${classes}, or add classes.`,
    },
    { fields: { sampler, classes, wanted } },
  )
}
