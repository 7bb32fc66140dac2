import { dirname, resolve } from 'node:path'
import { type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { finishDataset } from '../check/finish-dataset.js'
import { shown } from '../check/shown.js'
import type { LoadContext } from '../load-context.js'
import { createImageFinder, type FoundImage } from '../paths/find-images.js'
import { splitLabels } from '../splits/split-labels.js'
import type { CocoOptions } from './coco-options.js'
import { type CocoAnnotation, type CocoFile, type CocoImage, readCoco } from './read-coco.js'

type Context = Pick<LoadContext, 'folder' | 'warn' | 'signal' | 'images'>

/** An item without its split. */
type Unsplit = Omit<DatasetItem, 'split'>

/**
 * Lin et al., Microsoft COCO: Common Objects in Context, 2014: the JSON of object detection.
 *
 * @throws `dataset/unreadable`, `dataset/bad-json`, `dataset/bad-coco`, `dataset/path-outside`
 */
export async function loadCoco(options: CocoOptions, context: Context): Promise<Dataset> {
  const items: DatasetItem[] = []
  if (options.file !== undefined) {
    const read = await readItems(options.file, options, context)
    const splits = splitLabels(
      read.flatMap(({ label, labels = [label] }) => labels),
      { validation: options.validationShare, test: options.testShare, seed: options.seed },
    )
    for (const item of read) items.push({ ...item, split: splits.get(item.label)! })
  }
  for (const split of ['train', 'validation', 'test'] as const satisfies readonly Split[]) {
    const file = options[split]
    if (file === undefined) continue
    for (const item of await readItems(file, options, context)) items.push({ ...item, split })
  }
  return finishDataset('coco', items, context, { missingImages: options.missingImages })
}

async function readItems(given: string, options: CocoOptions, context: Context): Promise<Unsplit[]> {
  const file = resolve(context.folder, given)
  const coco = await readCoco(file, context.warn)
  const root = options.root === undefined ? dirname(file) : resolve(context.folder, options.root)
  const places = await findPlaces(coco, file, root, context)
  return options.boxes ? boxItems(coco, file, places, context) : imageItems(coco, file, places, context)
}

/** Where each image lies, by its number. */
async function findPlaces(coco: CocoFile, file: string, root: string, { signal, images: access }: Context) {
  const finder = createImageFinder(root, access?.paths)
  const places = new Map<string, FoundImage>()
  for (const [id, { file_name }] of coco.images) {
    signal?.throwIfAborted()
    const found = await finder.find(file_name)
    if (!found) {
      throw new LookalikeError(
        'dataset/path-outside',
        {
          problem: `${file}: the image ${id} (${file_name}) leads out of ${root}`,
          expected:
            'a path inside the root, the option root set to a folder above all images, or the folder named in images.paths',
        },
        { fields: { file, image: id, path: file_name, root } },
      )
    }
    places.set(id, found)
  }
  return places
}

function boxItems(
  { images, annotations, categories }: CocoFile,
  file: string,
  places: ReadonlyMap<string, FoundImage>,
  context: Context,
): Unsplit[] {
  const crowds: string[] = []
  const flat: string[] = []
  const items: Unsplit[] = []
  for (const annotation of annotations) {
    const box = boxOf(annotation, images.get(annotation.image)!)
    if (annotation.isCrowd) crowds.push(annotation.id)
    else if (!box) flat.push(annotation.id)
    else {
      const { id, source } = places.get(annotation.image)!
      const { name, supercategory } = categories.get(annotation.category)!
      const item = { id: `${id}#${annotation.id}`, source, label: name, isQuery: true, isGallery: true, box }
      items.push({ ...item, category: supercategory })
    }
  }
  warnLeftOut(file, 'annotations mark crowds', crowds, context)
  warnLeftOut(file, 'annotations have no box with an area inside their image', flat, context)
  return items
}

/** Corner and size in pixels as fractions; what lies outside the image is cut off. */
function boxOf({ bbox }: CocoAnnotation, { width, height }: CocoImage): DatasetItem['box'] {
  if (!bbox) return undefined
  const cut = (value: number, limit: number) => Math.min(Math.max(value, 0), limit) / limit
  const [left, top, w, h] = bbox
  const x = cut(left, width)
  const y = cut(top, height)
  const box = { x, y, width: cut(left + w, width) - x, height: cut(top + h, height) - y }
  return box.width > 0 && box.height > 0 ? box : undefined
}

function imageItems(
  { images, annotations, categories }: CocoFile,
  file: string,
  places: ReadonlyMap<string, FoundImage>,
  context: Context,
): Unsplit[] {
  const labels = new Map<string, Set<string>>()
  for (const { image, category } of annotations) {
    const known = labels.get(image)
    const { name } = categories.get(category)!
    if (known) known.add(name)
    else labels.set(image, new Set([name]))
  }
  warnLeftOut(
    file,
    'images have no annotation',
    [...images].flatMap(([id, { file_name }]) => (labels.has(id) ? [] : [file_name])),
    context,
  )
  return [...labels].map(([image, names]) => {
    const { id, source } = places.get(image)!
    const [label] = names
    return {
      id,
      source,
      label: label!,
      labels: names.size > 1 ? [...names] : undefined,
      isQuery: true,
      isGallery: true,
    }
  })
}

function warnLeftOut(file: string, what: string, names: readonly string[], { warn }: Context): void {
  if (names.length === 0) return
  warn({
    code: 'dataset/annotations-left-out',
    message: `${file}: ${names.length} ${what} and are left out: ${shown(names)}`,
    fields: { file, names },
  })
}
