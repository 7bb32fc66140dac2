import { LookalikeError, type SamplerItems, toInt32 } from '@lookalike/core'

/**
 * What a sampler draws from, with class numbers of any array as whole numbers.
 *
 * @throws `train/labels` when labels or categories are no whole numbers, or not one an item.
 */
export function checkItems(sampler: string, items: SamplerItems): SamplerItems {
  const labels = toInt32(items?.labels, { code: 'train/labels', name: `the labels of the sampler ${sampler}` })
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
