import type { DatasetItem } from '@lookalike/core'
import { splitLabels } from './split-labels.js'

export interface SplitClassesOptions {
  /** Share of the training classes, in [0, 1). 0 cuts nothing. */
  readonly validation: number
  /** The same seed and classes give the same parts; default 0. */
  readonly seed?: number | undefined
}

/**
 * Cuts a class-disjoint validation part from the training items, so that choices are never made on test classes.
 * Validation items query each other. Items of other splits stay as they are.
 *
 * @example
 * const items = splitClasses(dataset.items, { validation: 0.1, seed: 1 })
 *
 * @throws `dataset/too-few-classes` when no training class would be left.
 */
export function splitClasses(
  items: readonly DatasetItem[],
  { validation, seed = 0 }: SplitClassesOptions,
): readonly DatasetItem[] {
  if (validation === 0) return items
  const training = items.filter(({ split }) => split === 'train').map(({ label }) => label)
  const splits = splitLabels(training, { validation, seed })
  return items.map((item) =>
    item.split === 'train' && splits.get(item.label) === 'validation'
      ? { ...item, split: 'validation', isQuery: true, isGallery: true }
      : item,
  )
}
