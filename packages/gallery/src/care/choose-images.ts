import path from 'node:path'
import { type Filter, type Gallery, LookalikeError, matchesFilter, nearestName, parseFilter } from '@lookalike/core'
import { filterKeys, unknownKey } from '@lookalike/core/gallery'
import { imageId } from '@lookalike/image'
import { entriesOf, nameOf } from './reading.js'

/** Which images: of these ids, or paths of their files; and of those, or where there are none, the ones that the filter fits. */
export interface ImageChoice {
  readonly ids?: readonly string[] | undefined
  readonly filter?: Filter | undefined
}

/**
 * The ids of some images of a gallery.
 *
 * @throws `gallery/unknown-id` naming the first that is not there, and the nearest; `gallery/filter`; `gallery/unknown-key` for keys that no image has
 */
export async function chooseImages(gallery: Gallery, { ids = [], filter }: ImageChoice): Promise<string[]> {
  if (ids.length === 0 && !filter) return []
  const entries = await entriesOf(gallery)
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const node = parseFilter(filter ?? {})
  const keys = new Set(entries.flatMap(({ metadata }) => Object.keys(metadata ?? {})))
  for (const key of filterKeys(node)) if (!keys.has(key)) throw unknownKey(nameOf(gallery), key, keys)
  const named = ids.map((given) => {
    const id = [given, imageId(gallery.root, path.resolve(given))].find((each) => byId.has(each))
    if (id !== undefined) return id
    throw unknownId(nameOf(gallery), given, nearestName(given, [...byId.keys()]))
  })
  const among = ids.length > 0 ? named.map((id) => byId.get(id)!) : entries
  return [...new Set(among.filter(({ metadata }) => matchesFilter(metadata, node)).map(({ id }) => id))]
}

const unknownId = (folder: string, id: string, near: string | undefined) =>
  new LookalikeError(
    'gallery/unknown-id',
    {
      problem: `The gallery ${folder} has no image ${JSON.stringify(id)}`,
      expected: 'the id of an image that is there, or the path of its file',
      fix: near === undefined ? undefined : `Did you mean ${JSON.stringify(near)}?`,
    },
    { fields: { id, nearest: near } },
  )
