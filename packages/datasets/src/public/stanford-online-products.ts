import { join, resolve } from 'node:path'
import { type Dataset, type DatasetItem, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { pathInside } from '../paths/path-inside.js'
import { splitClasses } from '../splits/split-classes.js'
import { rowError } from '../table/table.js'
import { type PublicOptions, publicOptions } from './public-options.js'
import { findLayout, readLines } from './read-lines.js'

const options = z.strictObject(publicOptions)

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'stanford-online-products': z.input<typeof options>
  }
}

/** Song et al., Deep metric learning via lifted structured feature embedding, CVPR 2016: `Ebay_train.txt` and `Ebay_test.txt`. */
export async function loadSop(
  given: PublicOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal'>,
): Promise<Dataset> {
  const root = await findLayout(resolve(context.folder, given.root), 'Stanford_Online_Products', ['Ebay_train.txt'])
  const read = async (name: string, split: 'train' | 'test') => {
    const file = join(root, name)
    // Header: image_id class_id super_class_id path
    return (await readLines(file, 4, 1)).map(({ line, fields }): DatasetItem => {
      const [, label, , path] = fields as [string, string, string, string]
      const source = pathInside(root, path)
      if (source === undefined)
        throw rowError({ file }, { line }, 'dataset/path-outside', `${path} leads out of ${root}`)
      // bicycle_final/111085122871_0.JPG: the super class by its name.
      const category = path.split('/')[0]!.replace(/_final$/, '')
      return { id: path, source, label, split, category, isQuery: true, isGallery: true }
    })
  }
  const items = [...(await read('Ebay_train.txt', 'train')), ...(await read('Ebay_test.txt', 'test'))]
  return finishDataset('stanford-online-products', splitClasses(items, given), context, {
    missingImages: given.missingImages,
  })
}

/** Stanford Online Products as a plugin. */
export const stanfordOnlineProducts = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'stanford-online-products',
  description: 'Stanford Online Products: 120,053 photos of 22,634 products; 11,318 classes train, 11,316 test.',
  options,
  create: loadSop,
})
