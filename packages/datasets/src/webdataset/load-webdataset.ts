import path from 'node:path'
import { type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { finishDataset } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { splitLabels } from '../splits/split-labels.js'
import { shardNames } from './shard-names.js'
import { type Sample, unpackShard } from './unpack-shard.js'
import type { WebdatasetOptions } from './webdataset-options.js'

/** Keys of the `.json` file that may hold the class. Ours. */
const USUAL_KEYS = ['label', 'class', 'labels', 'classes']

/**
 * Tar files in the layout of webdataset (https://github.com/webdataset/webdataset): files of one name up to the first dot are one sample.
 *
 * @throws `dataset/unreadable`, `dataset/bad-tar`, `dataset/shards`, `dataset/label-missing`
 */
export async function loadWebdataset(options: WebdatasetOptions, context: LoadContext): Promise<Dataset> {
  const items: DatasetItem[] = []
  if (options.files !== undefined) {
    const read = await readShards(options.files, options.label, context)
    const splits = splitLabels(
      read.flatMap(({ label, labels = [label] }) => labels),
      { validation: options.validationShare, test: options.testShare, seed: options.seed },
    )
    for (const item of read) items.push({ ...item, split: splits.get(item.label)! })
  }
  for (const split of ['train', 'validation', 'test'] as const satisfies readonly Split[]) {
    const shards = options[split]
    if (shards === undefined) continue
    for (const item of await readShards(shards, options.label, context)) items.push({ ...item, split })
  }
  return finishDataset('webdataset', items, context)
}

async function readShards(shards: string | readonly string[], label: string | undefined, context: LoadContext) {
  const items: Omit<DatasetItem, 'split'>[] = []
  for (const name of shardNames(shards)) {
    const file = path.resolve(context.folder, name)
    for (const sample of await unpackShard(file, context)) {
      const labels = labelsOf(sample, label, file)
      items.push({
        id: `${name.replaceAll('\\', '/')}#${sample.key}`,
        source: sample.file,
        label: labels[0]!,
        labels: labels.length > 1 ? labels : undefined,
        isQuery: true,
        isGallery: true,
      })
    }
  }
  return items
}

function labelsOf({ key, texts }: Sample, wanted: string | undefined, file: string): string[] {
  const fields = fieldsOf(texts['json'])
  const places = wanted === undefined ? ['cls', ...USUAL_KEYS] : [wanted.replace(/^\./, '')]
  for (const place of places) {
    const text = texts[place]
    const value = text === undefined ? fields[place] : text.split(/\r?\n/)
    const labels = (Array.isArray(value) ? value : [value])
      .filter((each) => typeof each === 'string' || typeof each === 'number')
      .map((each) => String(each).trim())
      .filter((each) => each !== '')
    if (labels.length > 0) return [...new Set(labels)]
  }
  throw new LookalikeError(
    'dataset/label-missing',
    {
      problem: `${file}: nothing tells the class of ${key}: there is ${
        Object.keys(texts)
          .map((ending) => `.${ending}`)
          .join(', ') || 'nothing'
      } beside the image`,
      expected:
        wanted === undefined
          ? 'a .cls file, or a .json file with a label'
          : `"${wanted}" as an ending or in the .json file`,
      fix: 'Name the ending or the key in the option label.',
    },
    { fields: { file, key, label: wanted } },
  )
}

function fieldsOf(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
