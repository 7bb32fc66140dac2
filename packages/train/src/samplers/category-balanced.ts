import { checkOptions, definePlugin, LookalikeError, type Sampler } from '@lookalike/core'
import { z } from 'zod'
import { checkItems } from './check-items.js'
import { batchesOfEpoch, createRounds, drawDifferent, groupPositions } from './create-rounds.js'
import { tooFewClasses, tooFewImages } from './sampler-errors.js'

const options = z.strictObject({
  categories: z.int().min(1).default(2).describe('Categories in a batch.'),
  labels: z
    .int()
    .min(1)
    .default(16)
    .describe('Classes of each category. Where a category has fewer, further categories fill the batch.'),
  instances: z.int().min(1).default(4).describe('Images of each class. A class with fewer images repeats them.'),
})

export type CategoryBalancedOptions = z.input<typeof options>

/**
 * Batches from few categories, so that the classes in a batch are alike and hard to tell apart (OML's category-balanced sampler). Otherwise
 * as {@link balanced}.
 *
 * @throws `train/labels`, `train/categories-missing`, `train/too-few-classes`, `train/too-few-images`
 */
export function categoryBalanced(given: CategoryBalancedOptions = {}): Sampler {
  const { categories, labels, instances } = checkOptions('category-balanced', options, given)
  const wanted = categories * labels
  return {
    specVersion: 'v1',
    name: 'category-balanced',
    epoch(given, random) {
      const items = checkItems('category-balanced', given)
      if (!items.categories) throw categoriesMissing()
      const images = groupPositions(items.labels)
      if (images.length < wanted) throw tooFewClasses('category-balanced', images.length, wanted)
      if (items.labels.length < wanted * instances)
        throw tooFewImages('category-balanced', items.labels.length, wanted * instances)
      // A class belongs to the category of its first image.
      const categoryOf = Int32Array.from(images, (positions) => items.categories![positions[0]!]!)
      const members = groupPositions(categoryOf).map((group) => createRounds(group, random))
      const rounds = createRounds(Int32Array.from(members.keys()), random)
      const instance = images.map((group) => createRounds(group, random))
      return Array.from({ length: batchesOfEpoch(items.labels.length, wanted * instances) }, () => {
        const chosen = new Set<number>()
        const used = new Set<number>()
        while (chosen.size < wanted) {
          const category = rounds.next(used)
          // All categories gave their share already: they give more.
          if (category === undefined) {
            used.clear()
            continue
          }
          used.add(category)
          const share = Math.min(labels, wanted - chosen.size)
          for (let i = 0; i < share; i++) {
            const label = members[category]!.next(chosen)
            if (label === undefined) break
            chosen.add(label)
          }
        }
        return Int32Array.from([...chosen].flatMap((label) => drawDifferent(instance[label]!, instances)))
      })
    },
  }
}

function categoriesMissing(): LookalikeError {
  return new LookalikeError('train/categories-missing', {
    problem: 'The sampler category-balanced needs categories, and the training set has none',
    expected: 'items with a category',
    fix: 'Use the sampler "balanced", or a dataset with categories.',
  })
}

export const categoryBalancedPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'category-balanced',
  description: 'Balanced batches from few categories, whose classes are hard to tell apart.',
  options,
  create: categoryBalanced,
})

declare module '@lookalike/core' {
  interface SamplerPlugins {
    'category-balanced': CategoryBalancedOptions
  }
}
