import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createRandom, type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { finishDataset, shown } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { splitLabels } from '../splits/split-labels.js'
import { listFolder, listImages } from './list-images.js'

export interface FolderOptions {
  readonly path: string
  readonly splitBy: 'classes' | 'images'
  readonly validation: number
  readonly test: number
  readonly seed: number
}

/** A folder with one sub-folder a class; images below it, at any depth, belong to the class. */
export async function loadFolder(
  options: FolderOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const root = resolve(context.folder, options.path)
  const top = await listFolder(root)
  const classes: { label: string; images: readonly string[] }[] = []
  const ignored = [...top.others]
  const empty: string[] = []
  for (const label of top.folders) {
    context.signal?.throwIfAborted()
    const { images, others } = await listImages(join(root, label), new Set([await realpath(root)]))
    ignored.push(...others.map((path) => `${label}/${path}`))
    if (images.length === 0) empty.push(label)
    else classes.push({ label, images })
  }
  if (classes.length === 0) {
    throw new LookalikeError(
      'dataset/empty',
      { problem: `${root} has no sub-folder with images`, expected: 'one sub-folder a class, each with its images' },
      { fields: { folder: root, looseImages: top.images.length } },
    )
  }
  warnAbout('empty-class', 'sub-folders hold no image and are left out', empty)
  warnAbout('unlabelled-images', 'images lie in no sub-folder, so they have no class and are left out', top.images)
  warnAbout('ignored-files', 'files are no images by their names and are left out', ignored)
  const splitOf = options.splitBy === 'classes' ? byClass(classes, options) : byImage(options)
  const items = classes.flatMap(({ label, images }) => {
    const splits = splitOf(label, images.length)
    return images.map(
      (image, at): DatasetItem => ({
        id: `${label}/${image}`,
        source: join(root, label, image),
        label,
        split: splits[at]!,
        isQuery: true,
        isGallery: true,
      }),
    )
  })
  return finishDataset('folder', items, context)

  function warnAbout(what: string, text: string, names: readonly string[]): void {
    if (names.length === 0) return
    context.warn({
      code: `dataset/${what}`,
      message: `${root}: ${names.length} ${text}: ${shown(names)}`,
      fields: { folder: root, names },
    })
  }
}

type SplitImages = (label: string, images: number) => readonly Split[]

function byClass(classes: readonly { readonly label: string }[], options: FolderOptions): SplitImages {
  const splits = splitLabels(
    classes.map(({ label }) => label),
    options,
  )
  return (label, images) => Array.from({ length: images }, () => splits.get(label)!)
}

/** Each class is cut on its own, so that it keeps its parts when other classes change. */
function byImage({ validation, test, seed }: FolderOptions): SplitImages {
  return (label, images) => {
    const order = createRandom(`${seed}/split-images/${label}`).permutation(images)
    const splits: Split[] = []
    order.forEach((at, rank) => {
      // Cumulative rounding: the parts add up to the class, and shares that sum to 1 leave nothing for training.
      const share = (rank + 0.5) / images
      splits[at] = share < test ? 'test' : share < test + validation ? 'validation' : 'train'
    })
    return splits
  }
}
