// Embeds the photographs that other measurements need by the frozen networks, once; what is there stays.
// node bench/frozen.mjs --cache DIR --cars DIR [--data ../shared/data] [--sets birds,groceries,cars] [--models tokens,mobilenet-64,mobilenet-96,mobilenet-128]
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { decodeImage } from '@lookalike/image'
import { frozenEmbeddings, frozenTokens } from './lib/frozen.mjs'
import { photoSet, SETS } from './lib/photo-sets.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: SETS.join(',') },
    models: { type: 'string', default: 'mobilenet-64,mobilenet-96,mobilenet-128,tokens' },
  },
})
const options = { data: path.resolve(values.data), cache: path.resolve(values.cache), cars: path.resolve(values.cars) }
for (const set of values.sets.split(',')) {
  const items = await photoSet(set, options)
  // Decoded once for all models.
  for (const item of items) item.source = await decodeImage({ source: item.source })
  for (const model of values.models.split(',')) {
    const started = performance.now()
    await (model === 'tokens' ? frozenTokens : frozenEmbeddings)({ ...options, set, items, model })
    console.log(`${set} | ${model} | ${items.length} images | ${((performance.now() - started) / 1000).toFixed(0)} s`)
  }
}
