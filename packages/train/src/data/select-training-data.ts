import { createRandom, type Dataset, type DatasetItem, LookalikeError, type Warning } from '@lookalike/core'

export interface TrainingData {
  readonly items: readonly DatasetItem[]
  /** Class number of each item; classes are numbered in the order of their names. */
  readonly labels: Int32Array
  readonly categories?: Int32Array
  /** Names of the classes. */
  readonly classes: readonly string[]
  /** What tells how well it goes; never part of the test split. */
  readonly validation: readonly DatasetItem[]
}

/**
 * The training part of a dataset, and a validation part: the dataset's own, else `share` of the training *classes*, drawn by `seed`. The test
 * part is never looked at.
 *
 * @throws `train/no-images`, `train/labels-missing`, `train/one-class`
 */
export function selectTrainingData(
  dataset: Dataset,
  share: number,
  seed: number,
  onWarning?: (warning: Warning) => void,
): TrainingData {
  const all = dataset.items.filter(({ split }) => split === 'train')
  if (all.length === 0) throw noImages(dataset)
  const unlabelled = all.filter(({ label }) => !label)
  if (unlabelled.length > 0) throw labelsMissing(unlabelled)
  const own = dataset.items.filter(({ split }) => split === 'validation')
  const heldOut = own.length > 0 ? new Set<string>() : drawClasses(all, share, seed)
  const items = all.filter(({ label }) => !heldOut.has(label))
  const classes = distinct(items.map(({ label }) => label))
  if (classes.length < 2) throw oneClass(dataset, classes, heldOut.size)

  const counts = new Map<string, number>()
  for (const { label } of items) counts.set(label, (counts.get(label) ?? 0) + 1)
  const single = classes.filter((name) => counts.get(name) === 1)
  if (single.length > 0) onWarning?.(singleImages(single, classes.length))

  const categories = items.every(({ category }) => category !== undefined)
    ? numbered(items.map(({ category }) => category!))
    : undefined
  return {
    items,
    labels: numbered(items.map(({ label }) => label)),
    ...(categories && { categories }),
    classes,
    validation: own.length > 0 ? own : all.filter(({ label }) => heldOut.has(label)),
  }
}

function drawClasses(items: readonly DatasetItem[], share: number, seed: number): Set<string> {
  const classes = distinct(items.map(({ label }) => label))
  const count = share === 0 ? 0 : Math.max(1, Math.round(classes.length * share))
  const order = createRandom(seed).fork('validation').permutation(classes.length)
  return new Set(Array.from(order.subarray(0, count), (i) => classes[i]!))
}

const distinct = (names: readonly string[]) => [...new Set(names)].sort()

function numbered(names: readonly string[]): Int32Array {
  const numbers = new Map(distinct(names).map((name, i) => [name, i]))
  return Int32Array.from(names, (name) => numbers.get(name)!)
}

function noImages(dataset: Dataset): LookalikeError {
  return new LookalikeError(
    'train/no-images',
    {
      problem: `The dataset ${dataset.name} has no images to train on (${dataset.items.length} in other splits)`,
      expected: 'items of the split "train"',
    },
    { fields: { dataset: dataset.name } },
  )
}

function labelsMissing(items: readonly DatasetItem[]): LookalikeError {
  const ids = items.map(({ id }) => id)
  return new LookalikeError(
    'train/labels-missing',
    {
      problem: `${ids.length} training images have no label: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', ...' : ''}`,
      expected: 'a label for each image',
      fix: 'Label them, or take them out of the training split.',
    },
    { fields: { ids } },
  )
}

function oneClass(dataset: Dataset, classes: readonly string[], heldOut: number): LookalikeError {
  return new LookalikeError(
    'train/one-class',
    {
      problem: `The training set of ${dataset.name} has ${classes.length} class${classes.length === 1 ? ` ("${classes[0]}")` : 'es'}${heldOut > 0 ? ` besides ${heldOut} for validation` : ''}`,
      expected: 'at least two classes, so that there is something to tell apart',
    },
    { fields: { dataset: dataset.name, classes, heldOut } },
  )
}

function singleImages(single: readonly string[], classes: number): Warning {
  return {
    code: 'train/single-image-classes',
    message:
      `${single.length} of ${classes} classes have one image only (${single.slice(0, 5).join(', ')}${single.length > 5 ? ', ...' : ''}): ` +
      'losses on pairs learn nothing from them but what they are not, and augmentations are their only positives.',
    fields: { classes: single },
  }
}
