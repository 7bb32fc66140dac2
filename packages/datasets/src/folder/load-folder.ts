import { join, resolve } from 'node:path'
import {
  createRandom,
  type Dataset,
  type DatasetItem,
  isLookalikeError,
  LookalikeError,
  type Split,
} from '@lookalike/core'
import { type LeftOut, leftOutWarnings, listImages } from '@lookalike/image'
import { finishDataset, shown } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { splitLabels } from '../splits/split-labels.js'

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
  const { classes, empty, loose, leftOut } = await listClasses(root, context.signal)
  const unread = leftOut.filter(({ kind, path }) => kind === 'unreadable' && path.endsWith('/'))
  if (unread.length > 0) throw unreadable(root, unread)
  const warnings = leftOutWarnings(leftOut)
  if (classes.size === 0) {
    throw new LookalikeError(
      'dataset/empty',
      {
        problem: [`${root} has no sub-folder with images.`, ...warnings.map(({ message }) => message)].join(' '),
        expected: 'one sub-folder a class, each with its images',
      },
      { fields: { folder: root, looseImages: loose.length, leftOut } },
    )
  }
  warnAbout('empty-class', 'sub-folders hold no image and are left out', empty)
  warnAbout('unlabelled-images', 'images lie in no sub-folder, so they have no class and are left out', loose)
  for (const { code, message, fields } of warnings)
    context.warn({ code, message: `${root}: ${message}`, fields: { ...fields, folder: root } })
  const splitOf = options.splitBy === 'classes' ? byClass([...classes.keys()], options) : byImage(options)
  const items: DatasetItem[] = []
  for (const [label, images] of classes) {
    const splits = splitOf(label, images.length)
    for (const [at, image] of images.entries()) {
      const source = join(root, image)
      items.push({ id: image, source, label, split: splits[at]!, isQuery: true, isGallery: true })
    }
  }
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

/** Images by their class, paths below the root. */
async function listClasses(root: string, signal: AbortSignal | undefined) {
  const classes = new Map<string, string[]>()
  const folders = new Set<string>()
  const loose: string[] = []
  const leftOut: LeftOut[] = []
  const onFolder = (path: string) => folders.add(path.split('/', 1)[0]!)
  try {
    for await (const image of listImages(root, { signal, onFolder, onLeftOut: (each) => leftOut.push(each) })) {
      const slash = image.indexOf('/')
      const label = image.slice(0, Math.max(0, slash))
      const images = slash < 0 ? loose : classes.get(label)
      if (images) images.push(image)
      else classes.set(label, [image])
    }
  } catch (error) {
    if (!isLookalikeError(error, 'image/unreadable-folder')) throw error
    throw new LookalikeError(
      'dataset/unreadable',
      {
        problem: error.message.replace(/ Expected: .*/, ''),
        expected: 'a folder that this user may read; relative paths start at the folder of the config',
      },
      { fields: error.fields, cause: error },
    )
  }
  return { classes, empty: [...folders].filter((label) => !classes.has(label)), loose, leftOut }
}

/** Without one of its folders the dataset would be another. */
function unreadable(root: string, unread: readonly LeftOut[]): LookalikeError {
  const names = unread.map(({ path }) => path)
  return new LookalikeError(
    'dataset/unreadable',
    {
      problem: `Below ${root}, ${names.length} ${names.length === 1 ? 'folder' : 'folders'} cannot be listed: ${shown(names)}`,
      expected: 'folders that this user may read',
    },
    { fields: { folder: root, names } },
  )
}

type SplitImages = (label: string, images: number) => readonly Split[]

function byClass(classes: readonly string[], options: FolderOptions): SplitImages {
  const splits = splitLabels(classes, options)
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
