import { join, resolve } from 'node:path'
import {
  createRandom,
  type Dataset,
  type DatasetItem,
  isLookalikeError,
  LookalikeError,
  type Split,
  type Warning,
} from '@lookalike/core'
import { type LeftOut, leftOutWarnings, listImages } from '@lookalike/image'
import { finishDataset } from '../check/finish-dataset.js'
import { shown } from '../check/shown.js'
import type { LoadContext } from '../load-context.js'
import { splitClasses } from '../splits/split-classes.js'
import { splitLabels } from '../splits/split-labels.js'
import { splitNamed } from '../splits/split-named.js'
import { type FolderLayout, folderLayout, type PlacedImage } from './folder-layout.js'

export interface FolderOptions {
  readonly path: string
  readonly splitBy?: 'folders' | 'classes' | 'images' | undefined
  readonly separator?: string | undefined
  readonly validation: number
  readonly test: number
  readonly seed: number
}

type Context = Pick<LoadContext, 'folder' | 'warn' | 'signal'>

/**
 * A folder of images: one sub-folder a class, or `train`, `val` and `test` with the classes in them. Without sub-folders there are no classes: each
 * image is its own, all are searched, and the warning `dataset/no-classes` says so.
 *
 * @throws `dataset/unreadable`, `dataset/empty`, `dataset/layout`, `dataset/too-few-classes`
 */
export async function loadFolder(options: FolderOptions, context: Context): Promise<Dataset> {
  const root = resolve(context.folder, options.path)
  const { paths, folders, leftOut } = await listPaths(root, context.signal)
  const unread = leftOut.filter(({ kind, path }) => kind === 'unreadable' && path.endsWith('/'))
  if (unread.length > 0) throw unreadable(root, unread)
  const warnings = leftOutWarnings(leftOut)
  if (paths.length === 0) throw nothing(root, warnings, leftOut)
  const layout = folderLayout(paths, options.separator)
  const placed = layout.images.filter(hasLabel)
  warnOfLayout(root, layout, folders, context)
  for (const { code, message, fields } of warnings)
    context.warn({ code, message: `${root}: ${message}`, fields: { ...fields, folder: root } })
  if (placed.length === 0) return withoutClasses(root, layout, context)
  const splitOf = splitter(root, placed, layout, options)
  const items = placed.map(
    (image): DatasetItem => ({
      id: image.path,
      source: join(root, image.path),
      label: image.label,
      split: splitOf(image),
      isQuery: true,
      isGallery: true,
      category: image.category,
    }),
  )
  const given = layout.splitFolders.length > 1 && (options.splitBy ?? 'folders') === 'folders'
  return finishDataset('folder', given ? splitClasses(items, options) : items, context, { duplicates: true })
}

type LabelledImage = PlacedImage & { readonly label: string }
const hasLabel = (image: PlacedImage): image is LabelledImage => image.label !== undefined

/** Paths of images below the root, in order. */
async function listPaths(root: string, signal: AbortSignal | undefined) {
  const paths: string[] = []
  const folders = new Set<string>()
  const leftOut: LeftOut[] = []
  const onFolder = (path: string) => folders.add(path)
  try {
    for await (const image of listImages(root, { signal, onFolder, onLeftOut: (each) => leftOut.push(each) })) {
      paths.push(image)
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
  return { paths, folders, leftOut }
}

function nothing(root: string, warnings: readonly Warning[], leftOut: readonly LeftOut[]): LookalikeError {
  return new LookalikeError(
    'dataset/empty',
    {
      problem: [`${root} has no images that can be read.`, ...warnings.map(({ message }) => message)].join(' '),
      expected: 'one sub-folder a class, each with its images',
    },
    { fields: { folder: root, leftOut } },
  )
}

function warnOfLayout(
  root: string,
  { images, splitFolders }: FolderLayout,
  folders: ReadonlySet<string>,
  context: Context,
): void {
  const warnAbout = (what: string, text: string, names: readonly string[]) => {
    if (names.length === 0) return
    context.warn({
      code: `dataset/${what}`,
      message: `${root}: ${names.length} ${text}: ${shown(names)}`,
      fields: { folder: root, names },
    })
  }
  const depth = splitFolders.length > 0 ? 2 : 1
  const used = new Set(images.map(({ path }) => path.split('/', depth).join('/')))
  const empty = [...folders].filter((folder) => folder.split('/').length === depth && !used.has(folder))
  warnAbout('empty-class', 'sub-folders hold no image and are left out', empty)
  const loose = images.filter((image) => !hasLabel(image)).map(({ path }) => path)
  if (loose.length < images.length)
    warnAbout('unlabelled-images', 'images lie in no sub-folder, so they have no class and are left out', loose)
  if (splitFolders.length > 0) return
  const tops = [...folders].filter((folder) => !folder.includes('/'))
  const parts = tops.filter((folder) => splitNamed(folder))
  if (parts.length > 1 && parts.length < tops.length)
    warnAbout(
      'split-folders',
      'folders are called like splits but stand beside others, so they are taken for classes',
      parts,
    )
}

/** Images alone: they can be indexed and searched, and that is all. */
function withoutClasses(root: string, { images }: FolderLayout, context: Context): Promise<Dataset> {
  context.warn({
    code: 'dataset/no-classes',
    message: `The ${images.length} images of ${root} lie in no sub-folders, so they have no classes. They can be indexed and searched; to train or to evaluate, put the images of each class into a sub-folder of its own`,
    fields: { folder: root, images: images.length },
  })
  const items = images.map(
    ({ path }): DatasetItem => ({
      id: path,
      source: join(root, path),
      label: path,
      split: 'test',
      isQuery: true,
      isGallery: true,
    }),
  )
  return finishDataset('folder', items, context, { lonelyQueries: false })
}

/** The split of each image: its folder's, or cut by class or by image. */
function splitter(
  root: string,
  images: readonly LabelledImage[],
  { splitFolders }: FolderLayout,
  options: FolderOptions,
): (image: LabelledImage) => Split {
  const { splitBy } = options
  if (splitBy === 'folders' && splitFolders.length === 0) {
    throw new LookalikeError(
      'dataset/layout',
      {
        problem: `${root} has no folders of splits at its top`,
        expected:
          'train and test, and perhaps val (valid, validation), each with one sub-folder a class, and nothing beside them',
      },
      { fields: { folder: root } },
    )
  }
  if (splitBy === 'folders' || (splitBy === undefined && splitFolders.length > 1)) return ({ split }) => split!
  const classes = new Map<string, string[]>()
  for (const { label, path } of images) {
    const members = classes.get(label)
    if (members) members.push(path)
    else classes.set(label, [path])
  }
  if (splitBy === 'images') return byImage(classes, options)
  const splits = splitLabels(classes.keys(), options)
  return ({ label }) => splits.get(label)!
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

/** Each class is cut on its own, so that it keeps its parts when other classes change. */
function byImage(
  classes: ReadonlyMap<string, readonly string[]>,
  { validation, test, seed }: FolderOptions,
): (image: LabelledImage) => Split {
  const splits = new Map<string, Split>()
  for (const [label, paths] of classes) {
    const order = createRandom(`${seed}/split-images/${label}`).permutation(paths.length)
    order.forEach((at, rank) => {
      // Cumulative rounding: the parts add up to the class, and shares that sum to 1 leave nothing for training.
      const share = (rank + 0.5) / paths.length
      splits.set(paths[at]!, share < test ? 'test' : share < test + validation ? 'validation' : 'train')
    })
  }
  return ({ path }) => splits.get(path)!
}
