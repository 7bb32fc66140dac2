/**
 * Photographs outside this project, to measure on: birds, groceries and cars, each with the classes that learning may use (`learn`) and those that are
 * measured (`measure`). To be done in minutes, there are 24 birds and 6 cars a class unless `most` tells other numbers, and of the groceries every fourth photograph. `data` has cub-50, grocery-store and encoders; `cars` a folder with `cars_train/` and `devkit/` (Cars-196's training half).
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import datasets from '@lookalike/datasets'

export const SETS = ['birds', 'groceries', 'cars']

/** @returns `{ source, label, part }` of each photograph, in a fixed order. */
export async function photoSet(name, { data, cars, most = name === 'birds' ? () => 24 : () => 6 }) {
  if (name === 'cars') {
    const plugin = datasets.find((one) => one.name === 'cars-196')
    const { items } = await plugin.create(plugin.options.parse({ root: cars }), { folder: cars, warn: () => undefined })
    const parted = items.map(({ source, label }) => ({
      source,
      label,
      part: Number(label) <= 98 ? 'learn' : 'measure',
    }))
    return firstOfClass(parted, most)
  }
  const folder = path.join(data, name === 'birds' ? 'cub-50' : 'grocery-store')
  const [, ...lines] = readFileSync(path.join(folder, 'index.csv'), 'utf8').trim().split('\n')
  const items = lines.flatMap((line, at) => {
    const [file, label, split] = line.split(',')
    const source = path.join(folder, file)
    if (name === 'birds') return [{ source, label, part: Number(label.slice(0, 3)) <= 25 ? 'learn' : 'measure' }]
    // Pictures of the producers are not photographs.
    return split === 'iconic' || at % 4 !== 0 ? [] : [{ source, label, part: split === 'test' ? 'measure' : 'learn' }]
  })
  return name === 'birds' ? firstOfClass(items, most) : items
}

function firstOfClass(items, most) {
  const seen = new Map()
  return items.filter(({ label, part }) => seen.set(label, (seen.get(label) ?? 0) + 1).get(label) <= most(part))
}
