import { join, resolve } from 'node:path'
import { type Dataset, type DatasetItem, definePlugin, LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { pathInside } from '../paths/path-inside.js'
import { splitClasses } from '../splits/split-classes.js'
import { rowError } from '../table/table.js'
import { type PublicOptions, publicOptions } from './public-options.js'
import { exists, findLayout, readLines } from './read-lines.js'

const options = z.strictObject(publicOptions)

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'in-shop': z.input<typeof options>
  }
}

const LISTS = ['list_eval_partition.txt', 'Eval/list_eval_partition.txt', 'Anno/list_eval_partition.txt']

/** Liu et al., DeepFashion, CVPR 2016, In-shop Clothes Retrieval: `list_eval_partition.txt` tells train, query and gallery. */
export async function loadInShop(
  given: PublicOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const root = await findLayout(resolve(context.folder, given.root), 'In-shop Clothes Retrieval Benchmark', LISTS)
  const file = await firstThat(LISTS.map((list) => join(root, list)))
  // The paths in the list start with img/, which the archive keeps at its top or below Img/.
  const imageRoot = (await exists(join(root, 'img'))) ? root : join(root, 'Img')
  // Two header lines: the number of images, and image_name item_id evaluation_status.
  const items = (await readLines(file, 3, 2)).map(({ line, fields }): DatasetItem => {
    const [path, label, status] = fields as [string, string, string]
    const source = pathInside(imageRoot, path)
    if (source === undefined)
      throw rowError({ file }, { line }, 'dataset/path-outside', `${path} leads out of ${imageRoot}`)
    if (!['train', 'query', 'gallery'].includes(status)) {
      throw rowError(
        { file },
        { line },
        'dataset/bad-split',
        `the evaluation status is ${status}`,
        'train, query or gallery',
      )
    }
    const train = status === 'train'
    return {
      id: path,
      source,
      label,
      split: train ? 'train' : 'test',
      // img/WOMEN/Dresses/id_00000002/02_1_front.jpg
      category: path.split('/').slice(1, -2).join('/'),
      isQuery: train || status === 'query',
      isGallery: train || status === 'gallery',
    }
  })
  return finishDataset('in-shop', splitClasses(items, given), context, { missingImages: given.missingImages })
}

async function firstThat(files: readonly string[]): Promise<string> {
  for (const file of files) if (await exists(file)) return file
  throw new LookalikeError('dataset/layout', { problem: `None of ${files.join(', ')} exists` }, { fields: { files } })
}

/** In-shop Clothes Retrieval as a plugin. */
export const inShop = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'in-shop',
  description:
    'DeepFashion In-shop Clothes Retrieval: 52,712 photos of 7,982 garments, with its own queries and gallery.',
  options,
  create: loadInShop,
})
