import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, createRegistry } from '@lookalike/core'
import datasets from '@lookalike/datasets'
import { encodePng } from '@lookalike/image'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes, mutateData } from '../lib/mutate.mjs'

const rows = Array.from({ length: 12 }, (_, i) => ({
  path: `${i}.png`,
  label: ['cat', 'dog', 'Übung, "lang"'][i % 3],
  split: i < 6 ? 'train' : 'test',
  is_query: i % 2 === 0,
  x: 1,
  y: 1,
  w: 4,
  h: 5,
}))
const csvOf = (separator) =>
  [Object.keys(rows[0]), ...rows.map((row) => Object.values(row))]
    .map((row) =>
      row.map((value) => (/[",;\t]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value)).join(separator),
    )
    .join('\n')
const COCO = {
  images: rows.map(({ path: file_name }, id) => ({ id, file_name, width: 8, height: 8 })),
  categories: [
    { id: 7, name: 'cat', supercategory: 'animal' },
    { id: 9, name: 'bus' },
  ],
  annotations: rows.map((_, i) => ({
    id: 10 + i,
    image_id: i,
    category_id: i % 2 ? 7 : 9,
    bbox: [1, 1, 4, 5],
    iscrowd: 0,
  })),
}
const jsonLines = (data) => data.map((row) => JSON.stringify(row)).join('\n')

const KINDS = [
  { use: 'csv', file: 'a.csv', original: csvOf(',') },
  { use: 'csv', file: 'b.csv', original: csvOf(';') },
  { use: 'csv', file: 'c.csv', original: Buffer.from(`\ufeff${csvOf('\t')}`, 'utf16le') },
  { use: 'csv', file: 'd.csv', original: Buffer.from(csvOf(','), 'latin1') },
  { use: 'jsonl', file: 'e.jsonl', original: jsonLines(rows), data: rows, write: jsonLines },
  { use: 'coco', test: 'f.json', original: JSON.stringify(COCO), data: COCO, write: JSON.stringify },
]

export async function open(folder) {
  mkdirSync(folder, { recursive: true })
  const picture = await encodePng({ data: new Uint8Array(8 * 8 * 3).fill(99), width: 8, height: 8 })
  for (const row of rows) writeFileSync(path.join(folder, row.path), picture)
  const registry = createRegistry(datasets)
  return {
    async attempt(i) {
      const { original, data, write, ...reference } = KINDS[i % KINDS.length]
      const random = createRandom(`table ${i}`)
      const content =
        data && random.next() < 0.5 ? write(mutateData(data, random)) : mutateBytes(Buffer.from(original), random)
      writeFileSync(path.join(folder, reference.file ?? reference.test), content)
      const { items } = await registry.create('dataset', reference, {
        folder,
        cacheFolder: folder,
        seed: 0,
        onWarning: () => {},
        warn: () => {},
      })
      if (new Set(items.map(({ id }) => id)).size !== items.length) throw new Error('one id twice')
      const bad = items.find(
        ({ box }) =>
          box &&
          !(
            box.x >= 0 &&
            box.y >= 0 &&
            box.width > 0 &&
            box.height > 0 &&
            box.x + box.width <= 1.000001 &&
            box.y + box.height <= 1.000001
          ),
      )
      if (bad) throw new Error(`the box ${JSON.stringify(bad.box)}`)
    },
  }
}

export default {
  name: 'input: mutated tables: CSV in four encodings, JSON lines, COCO',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'tables'), count: short ? 300 : 12_000 }),
}
