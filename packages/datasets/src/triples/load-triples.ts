import { dirname, resolve } from 'node:path'
import { type Dataset, type DatasetItem, LookalikeError, type Split, type Triple } from '@lookalike/core'
import { finishDataset, type MissingImages } from '../check/finish-dataset.js'
import type { LoadContext } from '../load-context.js'
import { createImageFinder } from '../paths/find-images.js'
import { readCsv } from '../table/read-csv.js'
import { requireColumns } from '../table/table.js'
import { assignContexts } from './assign-contexts.js'
import type { RawTriple } from './raw-triple.js'
import { readAnnotations } from './read-annotations.js'
import { readTriples, type TripleColumns } from './read-triples.js'
import { type SplitTriplesBy, splitTriples } from './split-triples.js'

export interface TriplesOptions {
  readonly file: string
  readonly format: 'triples' | 'annotations'
  readonly columns: TripleColumns
  readonly index?: string | undefined
  readonly ids: 'path' | 'row' | 'label'
  readonly root?: string | undefined
  readonly ties: 'drop' | 'keep'
  readonly splitBy?: SplitTriplesBy | undefined
  readonly validation: number
  readonly test: number
  readonly seed: number
  readonly contexts: 'column' | 'reference' | number
  readonly missingImages: MissingImages
}

/** Triples "which of A and B is closer to R?" and the images that they speak of. */
export async function loadTriples(
  options: TriplesOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'signal' | 'images'>,
): Promise<Dataset> {
  const file = resolve(context.folder, options.file)
  const raw =
    options.format === 'annotations' ? await readAnnotations(file) : await readTriplesFile(file, options, context)
  if (raw.length === 0)
    throw new LookalikeError('dataset/empty', { problem: `${file} has no triples` }, { fields: { file } })
  const images = await readImages(raw, file, options, context)
  const named = raw.map((triple) => withItemIds(triple, images))
  const by = options.splitBy ?? (raw.some(({ split }) => split !== undefined) ? 'column' : 'reference')
  const { triples: split, dropped } = splitTriples(named, by, options)
  if (dropped > 0) {
    context.warn({
      code: 'dataset/triples-dropped',
      message: `${dropped} of the ${named.length} triples of ${file} join images of different parts and are left out`,
      fields: { file, dropped },
    })
  }
  const triples = assignContexts(split.map(withoutOrigin), options.contexts, options.seed)
  const items = usedItems(triples, images)
  // Images of triples usually have a label each, and are asked about triples, not about labels.
  const finish = { missingImages: options.missingImages, lonelyQueries: false }
  const { items: present } = await finishDataset('triples', items, context, finish)
  const ids = new Set(present.map(({ id }) => id))
  return {
    specVersion: 'v1',
    name: 'triples',
    items: present,
    triples: triples.filter(({ reference, a, b }) => ids.has(reference) && ids.has(a) && ids.has(b)),
  }
}

function withoutOrigin(triple: Triple & Pick<RawTriple, 'where'>): Triple {
  const { where: _where, ...rest } = triple
  return rest
}

async function readTriplesFile(
  file: string,
  options: TriplesOptions,
  context: Pick<LoadContext, 'warn'>,
): Promise<RawTriple[]> {
  const { triples, ties } = await readTriples(file, options.columns, options.ties === 'keep', context.warn)
  if (ties > 0 && options.ties === 'drop') {
    context.warn({
      code: 'dataset/ties-dropped',
      message: `${ties} triples of ${file} are ties and are left out`,
      fields: { file, ties },
    })
  }
  return triples
}

interface Image {
  readonly id: string
  readonly source: string
  readonly label: string
}

/** The images by what the triples call them. */
async function readImages(
  raw: readonly RawTriple[],
  file: string,
  options: TriplesOptions,
  context: Pick<LoadContext, 'folder' | 'warn' | 'images'>,
): Promise<ReadonlyMap<string, Image>> {
  const index = options.index === undefined ? undefined : resolve(context.folder, options.index)
  const root = options.root === undefined ? dirname(index ?? file) : resolve(context.folder, options.root)
  const finder = createImageFinder(root, context.images?.paths)
  const image = async (path: string, label: string | undefined, where: string): Promise<Image> => {
    const found = await finder.find(path)
    if (found) return { ...found, label: label ?? found.id }
    throw new LookalikeError(
      'dataset/path-outside',
      {
        problem: `${where}: ${path} leads out of ${root}`,
        expected: 'a path inside the root',
        fix: 'Set the option root to a folder above all images, or name the folder in images.paths.',
      },
      { fields: { where, path, root } },
    )
  }
  if (index === undefined) {
    const named = new Map<string, Image>()
    for (const { reference, a, b, where } of raw) {
      for (const path of [reference, a, b]) if (!named.has(path)) named.set(path, await image(path, undefined, where))
    }
    return named
  }
  const table = await readCsv(index, { known: ['path', 'label'], warn: context.warn })
  requireColumns(table, options.ids === 'label' ? ['path', 'label'] : ['path'])
  const images = new Map<string, Image>()
  for (const [position, { values, line }] of table.rows.entries()) {
    const path = values['path'] ?? ''
    const label = values['label'] || undefined
    const name = options.ids === 'row' ? String(position) : options.ids === 'label' ? (label ?? path) : path
    if (images.has(name)) {
      throw new LookalikeError(
        'dataset/duplicate-id',
        { problem: `${index}:${line}: ${name} stands in the file twice`, expected: `one row for each ${options.ids}` },
        { fields: { file: index, line, id: name } },
      )
    }
    images.set(name, await image(path, label, `${index}:${line}`))
  }
  return images
}

function withItemIds(triple: RawTriple, images: ReadonlyMap<string, Image>): RawTriple {
  const id = (name: string) => {
    const found = images.get(name)
    if (found) return found.id
    throw new LookalikeError(
      'dataset/unknown-id',
      {
        problem: `${triple.where}: there is no image ${JSON.stringify(name)} in the index`,
        expected: `one of its ${images.size} images`,
        fix: 'The option ids says whether triples name images by path, by row number from 0, or by label',
      },
      { fields: { where: triple.where, id: name } },
    )
  }
  return { ...triple, reference: id(triple.reference), a: id(triple.a), b: id(triple.b) }
}

/** The images that triples speak of; an image of several splits counts to the one that is earliest in training. */
function usedItems(triples: readonly Triple[], images: ReadonlyMap<string, Image>): DatasetItem[] {
  const splitOf = new Map<string, Split>()
  for (const split of ['test', 'validation', 'train'] satisfies Split[]) {
    for (const triple of triples)
      if (triple.split === split) for (const id of [triple.reference, triple.a, triple.b]) splitOf.set(id, split)
  }
  return [...images.values()].flatMap(({ id, source, label }): DatasetItem[] => {
    const split = splitOf.get(id)
    return split === undefined ? [] : [{ id, source, label, split, isQuery: true, isGallery: true }]
  })
}
