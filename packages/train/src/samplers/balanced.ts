import { checkOptions, definePlugin, type Sampler, type Warning } from '@lookalike/core'
import { z } from 'zod'
import { checkItems } from './check-items.js'
import { batchesOfEpoch, createRounds, drawDifferent, groupPositions } from './create-rounds.js'
import { tooFewClasses, tooFewImages } from './sampler-errors.js'

const options = z.strictObject({
  labels: z
    .int()
    .min(1)
    .default(32)
    .describe('Classes in a batch, all different; fewer, with a warning, where the set has fewer.'),
  instances: z.int().min(1).default(4).describe('Images of each of them. A class with fewer images repeats them.'),
})

export type BalancedOptions = z.input<typeof options>

/**
 * Batches of `labels` classes with `instances` images each. Classes and the images of a class come in shuffled rounds, so none is seen twice
 * before all are seen once. An epoch has about as many images as the set. A set that is too small for such a batch gets batches of fewer classes, and
 * `onWarning` the warning `train/smaller-batches`, once.
 *
 * @throws `train/labels`; `train/too-few-classes`, `train/too-few-images` where not even two classes fill a batch
 */
export function balanced(given: BalancedOptions = {}, onWarning?: (warning: Warning) => void): Sampler {
  const { labels: wanted, instances } = checkOptions('balanced', options, given)
  const fewest = Math.min(2, wanted)
  let warned = false
  return {
    specVersion: 'v1',
    name: 'balanced',
    epoch(given, random) {
      const items = checkItems('balanced', given)
      const groups = groupPositions(items.labels)
      if (groups.length < fewest) throw tooFewClasses('balanced', groups.length, fewest)
      const labels = Math.min(wanted, groups.length, Math.floor(items.labels.length / instances))
      if (labels < fewest) throw tooFewImages('balanced', items.labels.length, fewest * instances)
      const batchSize = labels * instances
      if (labels < wanted && !warned) {
        warned = true
        onWarning?.(smallerBatches(items.labels.length, groups.length, wanted, labels, instances))
      }
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

function smallerBatches(images: number, classes: number, wanted: number, labels: number, instances: number): Warning {
  return {
    code: 'train/smaller-batches',
    message:
      `Batches have ${labels} classes instead of ${wanted}, with ${instances} images each, because the training set has ${images} images in ${classes} classes. ` +
      `To have it without this warning, set "labels" of the sampler balanced to ${labels}.`,
    fields: { images, classes, wanted, labels, instances },
  }
}

export const balancedPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'balanced',
  description: 'Batches of a number of classes with a number of images each; what losses on pairs need.',
  options,
  create: (given, context) => balanced(given, context.warn),
})

declare module '@lookalike/core' {
  interface SamplerPlugins {
    balanced: BalancedOptions
  }
}
