import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type GalleryEntry, type ImageRequest, LookalikeError, type OperationOptions } from '@lookalike/core'
import { decodeImage, encodePng, removeUnfinishedOf, unfinishedName } from '@lookalike/image'
import type { ImageClusters } from './cluster-images.js'

export interface PlaceClustersOptions extends OperationOptions {
  readonly imageOf: (entry: GalleryEntry) => ImageRequest | undefined
  /** `copy` files, or `link` to them; what is cut from a larger file is always written anew. Default `copy`. */
  readonly as?: 'copy' | 'link' | undefined
}

export interface PlacedClusters {
  /** Absolute. */
  readonly folder: string
  readonly images: number
  /** Ids of images without a file on this disk. */
  readonly left: readonly string[]
}

/**
 * Puts the images of each cluster into a folder of its own, `cluster-01` the largest: all of them, or nothing.
 *
 * @throws `cluster/exists` where something is at the place already, `cluster/write`
 */
export async function placeClusters(
  { clusters, images }: Pick<ImageClusters, 'clusters' | 'images'>,
  to: string,
  { imageOf, as = 'copy', signal, onProgress }: PlaceClustersOptions,
): Promise<PlacedClusters> {
  const folder = path.resolve(to)
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : undefined,
  )
  if (there === undefined || there.length > 0) throw exists(folder)
  await removeUnfinishedOf(folder)
  const temporary = unfinishedName(folder)
  const left: string[] = []
  let done = 0
  try {
    for (const [at, cluster] of clusters.entries()) {
      const name = clusterName(at, clusters.length)
      const taken = new Set<string>()
      await mkdir(path.join(temporary, name), { recursive: true })
      for (const { entry } of cluster.images) {
        signal?.throwIfAborted()
        const file = path.join(temporary, name, freeName(entry, taken))
        if (!(await place(imageOf(entry), file, as))) left.push(entry.id)
        done++
        onProgress?.({ phase: as, done, total: images, unit: 'image' })
      }
    }
    await rm(folder, { recursive: true, force: true })
    await rename(temporary, folder)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    throw new LookalikeError(
      'cluster/write',
      {
        problem: `The clusters cannot be put into ${folder}: ${(cause as Error).message}`,
        fix: 'Make room, or name another folder. Nothing was left there.',
      },
      { fields: { folder }, cause },
    )
  }
  return { folder, images: done - left.length, left }
}

/** `cluster-01`: as many digits as the last one needs, two at least. */
export const clusterName = (at: number, clusters: number): string =>
  `cluster-${String(at + 1).padStart(Math.max(2, String(clusters).length), '0')}`

/** As a table: one row an image. Texts that a spreadsheet would take for a formula get an apostrophe. */
export function clustersCsv({ clusters }: Pick<ImageClusters, 'clusters'>): string {
  const rows = clusters.flatMap(({ images }, at) =>
    images.map(({ entry, distance }) =>
      [clusterName(at, clusters.length), entry.id, distance.toPrecision(6), entry.metadata?.['label'] ?? ''].map(cell),
    ),
  )
  return [['cluster', 'id', 'distance', 'label'], ...rows].map((row) => `${row.join(',')}\r\n`).join('')
}

function cell(value: string | number | boolean): string {
  const text = String(value)
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Its own file name; control characters and what parts folders become hyphens. */
function freeName({ id, box }: GalleryEntry, taken: Set<string>): string {
  const last =
    id
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) || 'image'
  const { name, ext } = path.parse(last.replace(/[\p{Cc}<>:"|?*]/gu, '-').slice(-120))
  const ending = box ? '.png' : ext
  let free = `${name}${ending}`
  for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${name} (${n})${ending}`
  taken.add(free.toLowerCase())
  return free
}

async function place(image: ImageRequest | undefined, file: string, as: 'copy' | 'link'): Promise<boolean> {
  if (typeof image?.source !== 'string' || /^[a-z][a-z0-9+.-]+:\/\//i.test(image.source)) return false
  try {
    if (image.box) await writeFile(file, await encodePng(await decodeImage(image)))
    else if (as === 'link') await symlink(path.resolve(image.source), file)
    else await copyFile(image.source, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code?.startsWith('image/')) return false
    throw error
  }
}

const exists = (folder: string) =>
  new LookalikeError(
    'cluster/exists',
    { problem: `There is something at ${folder} already`, expected: 'a new or an empty folder' },
    { fields: { folder } },
  )
