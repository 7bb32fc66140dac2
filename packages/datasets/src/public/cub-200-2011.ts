import { join, resolve } from 'node:path'
import { type Dataset, type DatasetItem, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { pathInside } from '../paths/path-inside.js'
import { splitClasses } from '../splits/split-classes.js'
import { withPixelBoxes } from '../table/pixel-boxes.js'
import { rowError } from '../table/table.js'
import { boxesSchema, publicOptions } from './public-options.js'
import { findLayout, readLines, readPairs } from './read-lines.js'

const options = z.strictObject({ ...publicOptions, boxes: boxesSchema })

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'cub-200-2011': z.input<typeof options>
  }
}

/** Class-disjoint, as the metric learning literature splits it: classes up to 100 train, the others test. */
const LAST_TRAIN_CLASS = 100

/** Wah et al., The Caltech-UCSD Birds-200-2011 dataset, 2011: `images.txt`, `image_class_labels.txt`, `classes.txt`, `bounding_boxes.txt`. */
export async function loadCub(
  given: z.infer<typeof options>,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const root = await findLayout(resolve(context.folder, given.root), 'CUB_200_2011', ['images.txt'])
  const file = join(root, 'images.txt')
  const [images, classOf, names] = await Promise.all([
    readLines(file, 2),
    readPairs(join(root, 'image_class_labels.txt')),
    readPairs(join(root, 'classes.txt')),
  ])
  const items = images.map(({ line, fields }): DatasetItem => {
    const [image, path] = fields as [string, string]
    const number = classOf.get(image)
    const label = number === undefined ? undefined : names.get(number)
    if (label === undefined)
      throw rowError(
        { file },
        { line },
        'dataset/unknown-label',
        `image ${image} has no class in image_class_labels.txt and classes.txt`,
      )
    const source = pathInside(join(root, 'images'), path)
    if (source === undefined)
      throw rowError({ file }, { line }, 'dataset/path-outside', `${path} leads out of ${join(root, 'images')}`)
    return {
      id: path,
      source,
      label,
      split: Number(number) <= LAST_TRAIN_CLASS ? 'train' : 'test',
      isQuery: true,
      isGallery: true,
    }
  })
  const boxed = given.boxes
    ? await withBoxes(
        root,
        items,
        images.map(({ fields }) => fields[0]!),
        context,
      )
    : items
  return finishDataset('cub-200-2011', splitClasses(boxed, given), context, { missingImages: given.missingImages })
}

async function withBoxes(
  root: string,
  items: readonly DatasetItem[],
  ids: readonly string[],
  context: Pick<LoadContext, 'warn' | 'signal'>,
): Promise<DatasetItem[]> {
  const file = join(root, 'bounding_boxes.txt')
  const boxes = new Map((await readLines(file, 5)).map(({ fields }) => [fields[0]!, fields.slice(1).map(Number)]))
  const boxed = items.map((item, at) => {
    const box = boxes.get(ids[at]!)
    if (!box) return { item }
    const [left, top, width, height] = box as [number, number, number, number]
    return { item, edges: { left, top, right: left + width, bottom: top + height } }
  })
  return withPixelBoxes(boxed, context)
}

/** CUB-200-2011 as a plugin. */
export const cub2002011 = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'cub-200-2011',
  description: 'Caltech-UCSD Birds 200-2011: 200 bird species; classes 1-100 train, 101-200 test.',
  options,
  create: loadCub,
})
