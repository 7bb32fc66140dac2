import { checkOptions, definePlugin, type Sampler } from '@lookalike/core'
import { z } from 'zod'
import { checkItems } from './check-items.js'
import { batchesOfEpoch, createRounds, drawDifferent, groupPositions } from './create-rounds.js'
import { tooFewClasses, tooFewImages } from './sampler-errors.js'

const options = z.strictObject({
  labels: z.int().min(1).default(32).describe('Classes in a batch, all different.'),
  instances: z.int().min(1).default(4).describe('Images of each of them. A class with fewer images repeats them.'),
})

export type BalancedOptions = z.input<typeof options>

/**
 * Batches of `labels` classes with `instances` images each. Classes and the images of a class come in shuffled rounds, so none is seen twice
 * before all are seen once. An epoch has about as many images as the set.
 *
 * @throws `train/labels`, `train/too-few-classes`, `train/too-few-images`
 */
export function balanced(given: BalancedOptions = {}): Sampler {
  const { labels, instances } = checkOptions('balanced', options, given)
  const batchSize = labels * instances
  return {
    specVersion: 'v1',
    name: 'balanced',
    epoch(given, random) {
      const items = checkItems('balanced', given)
      const groups = groupPositions(items.labels)
      if (groups.length < labels) throw tooFewClasses('balanced', groups.length, labels)
      if (items.labels.length < batchSize) throw tooFewImages('balanced', items.labels.length, batchSize)
      const classes = createRounds(Int32Array.from(groups.keys()), random)
      const images = groups.map((group) => createRounds(group, random))
      return Array.from({ length: batchesOfEpoch(items.labels.length, batchSize) }, () => {
        const chosen = new Set<number>()
        while (chosen.size < labels) chosen.add(classes.next(chosen)!)
        return Int32Array.from([...chosen].flatMap((label) => drawDifferent(images[label]!, instances)))
      })
    },
  }
}

export const balancedPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'balanced',
  description: 'Batches of a number of classes with a number of images each; what losses on pairs need.',
  options,
  create: balanced,
})

declare module '@lookalike/core' {
  interface SamplerPlugins {
    balanced: BalancedOptions
  }
}
