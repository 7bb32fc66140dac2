import { createRandom, type Dataset, type DatasetItem, LookalikeError, type Warning } from '@lookalike/core'

export interface TrainingData {
  readonly items: readonly DatasetItem[]
  /** Class number of each item; classes are numbered in the order of their names. */
  readonly labels: Int32Array
  readonly categories?: Int32Array | undefined
  /** Names of the classes. */
  readonly classes: readonly string[]
  /** What tells how well it goes; never part of the test split. */
  readonly validation: readonly DatasetItem[]
}

/** A validation part of fewer classes says nothing: one class that is easy or hard decides. Ours. */
const FEWEST_CLASSES = 4
/** Of two images a class R@1 and MAP@R are one figure, and it jumps: so many of a class that has four times as many. Ours. */
const FEWEST_HELD = 4
/** A class gives images to validation only where it keeps so many. Ours. */
const FEWEST_KEPT = 4

/**
 * The training part of a dataset, and a validation part: the dataset's own, else `share` of the training *classes*, drawn by `seed`. The test
 * part is never looked at. Where so few classes would be held out that they say nothing, and `orImages` is set, `share` of the images of each
 * class is held out instead, at least two, or four of sixteen and more, with the warning `train/validation-of-images`; where that cannot be, or the dataset's own part is that
 * small, there is the warning `train/small-validation`.
 *
 * @throws `train/no-images`, `train/labels-missing`, `train/one-class`
 */
export function selectTrainingData(
  dataset: Dataset,
  share: number,
  seed: number,
  onWarning?: (warning: Warning) => void,
  { orImages = false }: { readonly orImages?: boolean | undefined } = {},
): TrainingData {
  const all = dataset.items.filter(({ split }) => split === 'train')
  if (all.length === 0) throw noImages(dataset)
  const unlabelled = all.filter(({ label }) => !label)
  if (unlabelled.length > 0) throw labelsMissing(unlabelled)
  const own = dataset.items.filter(({ split }) => split === 'validation')
  const heldOut = own.length > 0 ? new Set<string>() : drawClasses(all, share, seed)
  const few = heldOut.size > 0 && heldOut.size < FEWEST_CLASSES
  const images = few && orImages ? drawImages(all, share, seed) : new Set<DatasetItem>()
  const isHeld = (item: DatasetItem) => (images.size > 0 ? images.has(item) : heldOut.has(item.label))
  const items = all.filter((item) => !isHeld(item))
  const validation = own.length > 0 ? own : all.filter(isHeld)
  const classes = distinct(items.map(({ label }) => label))
  if (classes.length < 2) throw oneClass(dataset, classes, images.size > 0 ? 0 : heldOut.size)
  if (images.size > 0) onWarning?.(validationOfImages(validation, heldOut.size))
  else if (validation.length > 0) warnOfSmall(validation, own.length > 0, onWarning)

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
    categories,
    classes,
    validation,
  }
}

function drawClasses(items: readonly DatasetItem[], share: number, seed: number): Set<string> {
  const classes = distinct(items.map(({ label }) => label))
  const count = share === 0 ? 0 : Math.max(1, Math.round(classes.length * share))
  const order = createRandom(seed).fork('validation').permutation(classes.length)
  return new Set(Array.from(order.subarray(0, count), (i) => classes[i]!))
}

/** Images of each class that can spare them; none where those classes are too few as well. */
function drawImages(items: readonly DatasetItem[], share: number, seed: number): Set<DatasetItem> {
  const drawn = new Set<DatasetItem>()
  let classes = 0
  for (const label of distinct(items.map((item) => item.label))) {
    const members = items.filter((item) => item.label === label)
    const few = Math.max(2, Math.min(FEWEST_HELD, Math.floor(members.length / 4)))
    const count = Math.max(few, Math.round(members.length * share))
    if (members.length - count < FEWEST_KEPT) continue
    classes++
    const order = createRandom(seed).fork(`validation/${label}`).permutation(members.length)
    for (const i of order.subarray(0, count)) drawn.add(members[i]!)
  }
  return classes < FEWEST_CLASSES ? new Set() : drawn
}

function validationOfImages(validation: readonly DatasetItem[], classes: number): Warning {
  const held = distinct(validation.map(({ label }) => label)).length
  return {
    code: 'train/validation-of-images',
    message:
      `A validation part of ${classes} ${classes === 1 ? 'class' : 'classes'} would be too small to mean anything: ${validation.length} images of ${held} classes are held out instead. ` +
      'They look for each other, and their classes are trained on: for classes that are not, expect less.',
    fields: { classes, images: validation.length, ofClasses: held },
  }
}

function warnOfSmall(validation: readonly DatasetItem[], own: boolean, onWarning?: (warning: Warning) => void): void {
  const classes = distinct(validation.map(({ label }) => label)).length
  if (classes >= FEWEST_CLASSES) return
  onWarning?.({
    code: 'train/small-validation',
    message:
      `The validation part has ${classes} ${classes === 1 ? 'class' : 'classes'} (${validation.length} images), which is too small to mean anything. ` +
      (own
        ? 'Leave "validation" out of the dataset, and the trainer holds out a share of the images of each class; or cut the dataset by images (splitBy: images), or add classes.'
        : `Add classes, or images: a class of ${FEWEST_KEPT + 2} images or more can spare some for validation.`),
    fields: { classes, images: validation.length },
  })
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
      fix: dataset.items.length > 0 ? 'Leave it some: a smaller "test" of the dataset, such as 0.3.' : undefined,
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
      fix:
        classes.length + heldOut > 1
          ? 'Add classes, or train on all of them, without validation: "validation: 0" of the trainer.'
          : 'Add classes: one sub-folder or label each. The test part of the dataset is never trained on; a smaller "test" leaves more.',
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
