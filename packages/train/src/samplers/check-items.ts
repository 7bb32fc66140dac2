import { LookalikeError, type SamplerItems, toInt32 } from '@lookalike/core'

/**
 * What a sampler draws from, with class numbers of any array as whole numbers.
 *
 * @throws `train/labels` when labels or categories are no whole numbers, or not one an item, or a class between others has no image.
 */
export function checkItems(sampler: string, items: SamplerItems): SamplerItems {
  const labels = toInt32(items?.labels, { code: 'train/labels', name: `the labels of the sampler ${sampler}` })
  checkClasses(sampler, labels)
  if (items.categories === undefined) return { labels }
  const name = `the categories of the sampler ${sampler}`
  const categories = toInt32(items.categories, { code: 'train/labels', name })
  if (categories.length !== labels.length) {
    throw new LookalikeError(
      'train/labels',
      {
        problem: `The sampler ${sampler} got ${categories.length} categories for ${labels.length} labels`,
        expected: 'one category an item',
      },
      { fields: { sampler, labels: labels.length, categories: categories.length } },
    )
  }
  return { labels, categories }
}

/** Losses have a proxy for each number: one that no image has would be trained away from everything, and nobody would know. */
function checkClasses(sampler: string, labels: Int32Array): void {
  const present = new Set(labels)
  for (let label = 0; label < present.size; label++) {
    if (present.has(label)) continue
    throw new LookalikeError(
      'train/labels',
      {
        problem: `No image has the class number ${label}, which the sampler ${sampler} would draw from`,
        expected: 'class numbers from 0 on without a gap, each with at least one image',
        fix: 'Number the classes anew, leaving out those without images.',
      },
      { fields: { sampler, label, classes: present.size } },
    )
  }
}
