import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Dataset, type DatasetItem, definePlugin, LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { pathInside } from '../paths/path-inside.js'
import { splitClasses } from '../splits/split-classes.js'
import { type PixelEdges, withPixelBoxes } from '../table/pixel-boxes.js'
import { boxesSchema, publicOptions } from './public-options.js'
import { exists, findLayout } from './read-lines.js'
import { type MatValue, readMat } from './read-mat.js'

const options = z.strictObject({ ...publicOptions, boxes: boxesSchema })

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'cars-196': z.input<typeof options>
  }
}

/** Class-disjoint, as the metric learning literature splits it: classes up to 98 train, the others test. */
const LAST_TRAIN_CLASS = 98

const ALL_IN_ONE = 'cars_annos.mat'
const TRAIN = 'devkit/cars_train_annos.mat'
const TEST = ['cars_test_annos_withlabels.mat', 'devkit/cars_test_annos_withlabels.mat']

interface Annotation {
  readonly path: string
  readonly classNumber: number
  readonly edges: PixelEdges
}

/**
 * Krause et al., 3D object representations for fine-grained categorization, 2013. Reads both published layouts:
 * `cars_annos.mat` with `car_ims/`, and `devkit/` with `cars_train/`, `cars_test/` and the labels of the test images, or the half of
 * `cars_train/` alone.
 */
export async function loadCars(
  given: z.infer<typeof options>,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const root = await findLayout(resolve(context.folder, given.root), 'stanford_cars', [ALL_IN_ONE, TRAIN])
  const annotations = await readAnnotations(root, context)
  const items = annotations.map(({ path, classNumber }): DatasetItem => {
    const source = pathInside(root, path)
    if (source === undefined) throw badAnnotations(root, `${path} leads out of the folder`)
    return {
      id: path,
      source,
      label: String(classNumber),
      split: classNumber <= LAST_TRAIN_CLASS ? 'train' : 'test',
      isQuery: true,
      isGallery: true,
    }
  })
  const boxed = given.boxes
    ? await withPixelBoxes(
        items.map((item, at) => ({ item, edges: annotations[at]!.edges })),
        context,
      )
    : items
  return finishDataset('cars-196', splitClasses(boxed, given), context, { missingImages: given.missingImages })
}

/** The half of the test images is left out where its labels and its folder are both missing; it is published apart. */
async function readAnnotations(root: string, { warn }: Pick<LoadContext, 'warn'>): Promise<Annotation[]> {
  if (await exists(join(root, ALL_IN_ONE))) return readAnnotationFile(join(root, ALL_IN_ONE), '')
  const train = await readAnnotationFile(join(root, TRAIN), 'cars_train/')
  for (const test of TEST) {
    if (await exists(join(root, test))) return [...train, ...(await readAnnotationFile(join(root, test), 'cars_test/'))]
  }
  if (!(await exists(join(root, 'cars_test')))) {
    warn({
      code: 'dataset/half',
      message: `${root} holds the training half of cars-196 alone: figures on it compare with no published ones.`,
      fields: { root, images: train.length },
    })
    return train
  }
  throw new LookalikeError(
    'dataset/layout',
    {
      problem: `${root} has no labels of the test images: neither ${TEST.join(' nor ')} exists`,
      fix: 'Add cars_test_annos_withlabels.mat, which is published beside the images',
    },
    { fields: { root } },
  )
}

async function readAnnotationFile(file: string, folder: string): Promise<Annotation[]> {
  const rows = readMat(await readFile(file), file).get('annotations')
  if (!Array.isArray(rows) || rows.length === 0) throw badAnnotations(file, 'it has no variable annotations')
  return (rows as readonly Readonly<Record<string, MatValue>>[]).map((row, at) => {
    const number = (field: string) => (row[field] as readonly number[] | undefined)?.[0]
    // One layout names the path relative_im_path, the other fname.
    const path = row['relative_im_path'] ?? row['fname']
    const classNumber = number('class')
    const [left, top, right, bottom] = ['bbox_x1', 'bbox_y1', 'bbox_x2', 'bbox_y2'].map(number)
    if (
      typeof path !== 'string' ||
      [classNumber, left, top, right, bottom].some((value) => typeof value !== 'number')
    ) {
      throw badAnnotations(file, `annotation ${at + 1} lacks its path, class or box`)
    }
    return {
      path: folder + path,
      classNumber: classNumber!,
      edges: { left: left!, top: top!, right: right!, bottom: bottom! },
    }
  })
}

function badAnnotations(file: string, why: string): LookalikeError {
  return new LookalikeError(
    'dataset/bad-annotations',
    { problem: `${file}: ${why}`, expected: 'the published annotations' },
    { fields: { file } },
  )
}

/** Cars-196 as a plugin. */
export const cars196 = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'cars-196',
  description: 'Stanford Cars: 16,185 photos of 196 models; classes 1-98 train, 99-196 test.',
  options,
  create: loadCars,
})
