import { stat } from 'node:fs/promises'
import {
  dotRows,
  type Gallery,
  type GalleryEntry,
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  LookalikeError,
  type Model,
  type OperationOptions,
} from '@lookalike/core'
import { decodeImage } from '@lookalike/image'
import { entriesOf } from '../care/reading.js'
import { byWorth, type KeeperFacts } from './choose-keeper.js'
import { completeLinkage } from './complete-linkage.js'
import { measureCopies } from './measure-copies.js'
import { asQueries, nearPairs } from './near-pairs.js'
import type { ThresholdProposal } from './propose-threshold.js'

export interface FindDuplicatesOptions extends OperationOptions, ImageLimits {
  /** Images as near as this are near duplicates; 0 finds exact copies alone. Default: proposed from the images. */
  readonly threshold?: number | undefined
  /** Embeds the copies that a threshold is proposed from; needed where none is given. */
  readonly embed?: Model['embed'] | undefined
  /** Where a picture is, undefined where there is only its vector: `entryImages`. */
  readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
}

export interface DuplicateImage extends KeeperFacts {
  readonly entry: GalleryEntry
  readonly image?: ImageRequest | undefined
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** From the one that stays. */
  readonly distance: number
}

export interface DuplicateGroup {
  /** `exact`: all have the same content. */
  readonly kind: 'exact' | 'near'
  /** Between the two that are farthest apart. */
  readonly diameter: number
  readonly keep: DuplicateImage
  /** The one that is most worth keeping first. */
  readonly others: readonly DuplicateImage[]
}

export interface Duplicates {
  readonly images: number
  readonly threshold: number
  /** Where the threshold was not given. */
  readonly proposal?: ThresholdProposal | undefined
  /** Exact ones first, then the narrowest. */
  readonly groups: readonly DuplicateGroup[]
}

/**
 * Groups of images that are the same, or look the same, and which one of each stays. In a group everything is within the threshold of everything else
 * (complete linkage). Rejected images are left out.
 *
 * @throws `duplicates/threshold`, `duplicates/no-images`
 *
 * @example
 * const { groups } = await findDuplicates(gallery, { threshold: 0.05, imageOf: entryImages(gallery) })
 */
export async function findDuplicates(gallery: Gallery, options: FindDuplicatesOptions): Promise<Duplicates> {
  const { signal, onProgress, onWarning, embed, imageOf, threshold: given, ...limits } = options
  if (given !== undefined && !(given >= 0 && given <= 2)) throw badThreshold(given)
  const operation = { signal, onProgress, onWarning }
  const entries = await entriesOf(gallery, { rejected: false })
  const byHash = new Map<string, GalleryEntry[]>()
  for (const entry of entries) {
    const same = byHash.get(entry.hash)
    if (same) same.push(entry)
    else byHash.set(entry.hash, [entry])
  }
  const representatives = [...byHash.values()].map(([first]) => first!)
  const proposal =
    given === undefined && representatives.length > 1
      ? await measureCopies(gallery, representatives, Math.max(...[...byHash.values()].map(({ length }) => length)), {
          ...limits,
          ...operation,
          embed: needed(embed),
          imageOf,
        })
      : undefined
  const threshold = given ?? proposal?.threshold ?? 0
  const pairs = threshold > 0 ? await nearPairs(gallery, representatives, entries.length, threshold, operation) : []
  const sets: { members: GalleryEntry[]; kind: DuplicateGroup['kind']; diameter: number }[] = []
  const taken = new Set<string>()
  for (const { members, diameter } of completeLinkage(pairs)) {
    const hashes = members.map((row) => representatives[row]!.hash)
    for (const hash of hashes) taken.add(hash)
    sets.push({ members: hashes.flatMap((hash) => byHash.get(hash)!), kind: 'near', diameter })
  }
  const exact = [...byHash].filter(([hash, same]) => same.length > 1 && !taken.has(hash))
  sets.unshift(...exact.map(([, members]) => ({ members, kind: 'exact' as const, diameter: 0 })))
  const groups: DuplicateGroup[] = []
  for (const [done, { members, ...group }] of sets.entries()) {
    signal?.throwIfAborted()
    groups.push({ ...group, ...(await look(gallery, members, imageOf, limits)) })
    onProgress?.({ phase: 'look', done: done + 1, total: sets.length, unit: 'group' })
  }
  return { images: entries.length, threshold, proposal, groups }
}

async function look(
  gallery: Gallery,
  members: readonly GalleryEntry[],
  imageOf: FindDuplicatesOptions['imageOf'],
  limits: ImageLimits,
): Promise<Pick<DuplicateGroup, 'keep' | 'others'>> {
  const facts: Omit<DuplicateImage, 'distance'>[] = []
  for (const entry of members) facts.push(await factsOf(entry, imageOf(entry), limits))
  facts.sort(byWorth)
  const { data, dim } = await asQueries(
    gallery,
    facts.map(({ entry }) => entry),
  )
  const [keep, ...others] = facts.map((fact, row) => ({
    ...fact,
    distance: row === 0 ? 0 : Math.max(0, 1 - dotRows(data, 0, data, row, dim)),
  }))
  return { keep: keep!, others }
}

async function factsOf(
  entry: GalleryEntry,
  image: ImageRequest | undefined,
  limits: ImageLimits,
): Promise<Omit<DuplicateImage, 'distance'>> {
  const size = image
    ? await decodeImage(image, limits).catch((error: unknown) => {
        // One that cannot be read any more is least worth keeping.
        if (!isLookalikeError(error)) throw error
        return undefined
      })
    : undefined
  const file = typeof image?.source === 'string' ? await stat(image.source).catch(() => undefined) : undefined
  return {
    id: entry.id,
    entry,
    image,
    width: size?.width,
    height: size?.height,
    pixels: size && size.width * size.height,
    bytes: file?.size,
    modified: file?.mtimeMs,
  }
}

function needed<T>(embed: T | undefined): T {
  if (embed !== undefined) return embed
  throw new LookalikeError('duplicates/threshold', {
    problem: 'Neither a threshold was given nor a model to propose one with',
    expected: 'one of them',
  })
}

const badThreshold = (threshold: number) =>
  new LookalikeError(
    'duplicates/threshold',
    { problem: `The threshold is ${threshold}`, expected: 'a distance from 0 to 2' },
    { fields: { threshold } },
  )
