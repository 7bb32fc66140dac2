import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodePng } from '@lookalike/image'
import { fromPlugin, pluginOf, samplePicture } from '@lookalike/testkit'
import { describeDataset, describePlugins } from '@lookalike/testkit/vitest'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { pack } from 'tar-stream'
import { afterAll } from 'vitest'
import plugins from './index.js'

/* The public benchmarks need downloads: here they are small sets in the same layouts. */

describePlugins(plugins)

const folder = await mkdtemp(path.join(tmpdir(), 'datasets-'))
afterAll(() => rm(folder, { recursive: true }))
const rows = ['path,label,split']
for (const label of ['cup', 'chair', 'lamp']) {
  await mkdir(path.join(folder, label))
  for (let i = 0; i < 4; i++) {
    await writeFile(path.join(folder, label, `${i}.png`), await encodePng(samplePicture(i)))
    rows.push(`${label}/${i}.png,${label},${i < 2 ? 'train' : 'test'}`)
  }
}
await writeFile(path.join(folder, 'items.csv'), `${rows.join('\n')}\n`)

const create = (name: string, options: Readonly<Record<string, unknown>>) =>
  fromPlugin(pluginOf(plugins, 'dataset', name), options, { folder })

describeDataset('folder, split by classes', create('folder', { path: '.', splitBy: 'classes', test: 0.5 }), {
  readImages: 4,
})
describeDataset('folder, split by images', create('folder', { path: '.', splitBy: 'images', test: 0.5 }))
describeDataset('csv', create('csv', { file: 'items.csv' }), { readImages: 4 })

const items = rows.slice(1).map((row) => {
  const [file = '', label = '', split = ''] = row.split(',')
  return { path: file, label, split }
})
await writeFile(path.join(folder, 'items.jsonl'), items.map((item) => `${JSON.stringify(item)}\n`).join(''))
describeDataset('jsonl', create('jsonl', { file: 'items.jsonl' }), { readImages: 4 })

const column = (name: 'path' | 'label' | 'split') => ({ name, data: items.map((item) => item[name]) })
await writeFile(
  path.join(folder, 'items.parquet'),
  new Uint8Array(parquetWriteBuffer({ columnData: [column('path'), column('label'), column('split')] })),
)
describeDataset('parquet', create('parquet', { file: 'items.parquet' }), { readImages: 4 })

const names = [...new Set(items.map(({ label }) => label))]
await writeFile(
  path.join(folder, 'coco.json'),
  JSON.stringify({
    images: items.map((item, id) => ({ id, file_name: item.path, width: 64, height: 48 })),
    categories: names.map((name, id) => ({ id, name })),
    annotations: items.map(({ label }, id) => ({
      id,
      image_id: id,
      category_id: names.indexOf(label),
      bbox: [0, 0, 32, 24],
    })),
  }),
)
describeDataset('coco', create('coco', { file: 'coco.json', testShare: 1 }), { readImages: 4 })

const shard = pack()
for (const [i, item] of items.entries()) {
  shard.entry({ name: `${i}.png` }, await encodePng(samplePicture(i)))
  shard.entry({ name: `${i}.cls` }, item.label)
}
shard.finalize()
await writeFile(path.join(folder, 'items.tar'), shard as unknown as AsyncIterable<Uint8Array>)
describeDataset('webdataset', create('webdataset', { files: 'items.tar', testShare: 1 }), { readImages: 4 })

const root = fileURLToPath(new URL('../../..', import.meta.url))
const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url))

const layouts = await mkdtemp(path.join(tmpdir(), 'datasets-'))
afterAll(() => rm(layouts, { recursive: true }))

/** A folder of the set with the given files; those without text are pictures. */
async function layout(name: string, files: Readonly<Record<string, string | undefined>>): Promise<void> {
  let number = 0
  for (const [file, text] of Object.entries(files)) {
    const full = path.join(layouts, name, file)
    await mkdir(path.dirname(full), { recursive: true })
    await writeFile(full, text ?? (await encodePng(samplePicture(number++))))
  }
}
const laidOut = (name: string, options: Readonly<Record<string, unknown>>) =>
  fromPlugin(pluginOf(plugins, 'dataset', name), options, { folder: layouts })
const pictures = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]))

await layout('triples', {
  'triples.csv': 'reference,a,b,closer\na.png,b.png,c.png,a\nb.png,a.png,c.png,b\n',
  ...pictures('a.png', 'b.png', 'c.png'),
})
describeDataset('triples', laidOut('triples', { file: 'triples/triples.csv', test: 1 }), {
  readImages: 3,
  searchable: false,
})

const emoji = (name: string, options: Readonly<Record<string, unknown>>) =>
  fromPlugin(pluginOf(plugins, 'dataset', name), options, { folder: root, cacheFolder: path.join(layouts, 'cache') })
describeDataset('emoji', emoji('emoji', { validation: 0.02, splits: ['validation'] }))
describeDataset(
  'emoji-triples',
  emoji('emoji-triples', {
    contexts: 2,
    triplesPerContext: 5,
    referencesPerContext: 1,
    validationReferences: 2,
    testReferences: 2,
    triplesPerReference: 3,
    minVotes: 8,
    styles: ['noto'],
  }),
  { searchable: false },
)

const birds = ['001.Auk/a_1', '001.Auk/a_2', '101.Pewee/w_1', '101.Pewee/w_2']
await layout('birds', {
  'images.txt': birds.map((name, i) => `${i + 1} ${name}.png\n`).join(''),
  'image_class_labels.txt': '1 1\n2 1\n3 101\n4 101\n',
  'classes.txt': '1 001.Auk\n101 101.Pewee\n',
  'bounding_boxes.txt': birds.map((_, i) => `${i + 1} 4 4 16 16\n`).join(''),
  ...pictures(...birds.map((name) => `images/${name}.png`)),
})
describeDataset('cub-200-2011', laidOut('cub-200-2011', { root: 'birds', boxes: true }), { readImages: 4 })

await layout('cars', pictures(...Array.from({ length: 6 }, (_, i) => `car_ims/00000${i + 1}.jpg`)))
await cp(path.join(fixtures, 'cars-one-file'), path.join(layouts, 'cars'), { recursive: true })
// One class of this excerpt has a single image.
describeDataset('cars-196', laidOut('cars-196', { root: 'cars' }), { readImages: 6, searchable: false })

const products = ['bicycle_final/1_0.JPG', 'bicycle_final/1_1.JPG', 'chair_final/2_0.JPG', 'chair_final/2_1.JPG']
const row = (name: string, i: number, label: number, group: number) => `${i} ${label} ${group} ${name}\n`
await layout('products', {
  'Ebay_train.txt': `image_id class_id super_class_id path\n${row(products[0]!, 1, 1, 1)}${row(products[1]!, 2, 1, 1)}`,
  'Ebay_test.txt': `image_id class_id super_class_id path\n${row(products[2]!, 3, 11319, 2)}${row(products[3]!, 4, 11319, 2)}`,
  ...pictures(...products),
})
describeDataset('stanford-online-products', laidOut('stanford-online-products', { root: 'products' }), {
  readImages: 4,
})

const clothes = {
  'img/WOMEN/Dresses/id_1/01_1_front.jpg': 'id_1 train',
  'img/MEN/Denim/id_2/01_1_front.jpg': 'id_2 query',
  'img/MEN/Denim/id_2/01_2_side.jpg': 'id_2 gallery',
}
await layout('clothes', {
  'Eval/list_eval_partition.txt': `3\nimage_name item_id evaluation_status\n${Object.entries(clothes)
    .map(([name, rest]) => `${name} ${rest}\n`)
    .join('')}`,
  ...pictures(...Object.keys(clothes).map((name) => `Img/${name}`)),
})
describeDataset('in-shop', laidOut('in-shop', { root: 'clothes' }), { readImages: 3 })
