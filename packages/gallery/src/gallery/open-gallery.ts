import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, type Warning } from '@lookalike/core'
import { checkHeld, checkOpenOptions, noSuchGallery } from '@lookalike/core/gallery'
import { exactEngine } from '../exact/exact-index.js'
import { io } from '../store/file-errors.js'
import {
  type FoundGallery,
  findGallery,
  giveUpUntouched,
  removeLeftovers,
  removeUnfinishedGallery,
  restoreManifest,
} from '../store/generations.js'
import { type FolderLock, isLocked, lockFolder } from '../store/lock-folder.js'
import { MANIFEST, type Manifest, writeManifest } from '../store/manifest.js'
import { createStoreFiles, sealStoreFiles } from '../store/store.js'
import { createGallery, relativeRoot } from './create-gallery.js'
import type { FolderGallery, OpenFolderOptions } from './folder-gallery.js'
import { type ContentsOptions, type GalleryContents, openContents } from './gallery-contents.js'

/** How often a reader begins again because a writer replaced the files meanwhile. */
const ATTEMPTS = 5

/**
 * Opens a gallery: a folder that can be copied, only grows, and keeps whatever it has acknowledged through any crash. Nothing on disk is
 * changed before everything that is there was read and found whole.
 *
 * @throws `gallery/space` when it holds vectors of another space, `gallery/not-found` when there is nothing to read,
 * `gallery/locked` when another process writes to it, `gallery/damaged` naming the file, `gallery/io` when the folder
 * cannot be used.
 *
 * @example
 * const gallery = await openGallery('gallery', { space: encoder.space, dim: encoder.dim })
 * await gallery.add([{ id, hash }], { embeddings })
 * const [hits] = await gallery.search(queries, 10, { filter: { colour: ['red', 'blue'] } })
 * await gallery.close()
 */
export async function openGallery(folder: string, options: OpenFolderOptions = {}): Promise<FolderGallery> {
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0'))
    throw new LookalikeError('gallery/options', {
      problem: `The folder of the gallery is ${JSON.stringify(folder)}`,
      expected: 'a path',
    })
  checkOpenOptions(options)
  const { mode = 'write' } = options
  const warnings: Warning[] = []
  const onWarning = (warning: Warning) => {
    warnings.push(warning)
    options.onWarning?.(warning)
  }
  if (mode === 'write') {
    if (options.space === undefined && !existsSync(folder)) throw missing(folder)
    await io(folder, () => mkdir(folder, { recursive: true }))
  }
  const lock = mode === 'write' ? await io(folder, () => lockFolder(folder)) : undefined
  try {
    for (const warning of lock?.warnings ?? []) onWarning(warning)
    const how: ContentsOptions = {
      mode,
      acceptLoss: options.acceptLoss,
      engine: options.engine ?? exactEngine(),
      beforeWrite: () => lock?.check(),
      isWritten: () => lock === undefined && isLocked(folder),
      onWarning,
    }
    const contents = await io(folder, () =>
      lock ? openForWriting(folder, options, how, lock) : openForReading(folder, options, how),
    )
    return createGallery({ folder, contents, lock, how, warnings, reopen: () => openForReading(folder, options, how) })
  } catch (error) {
    lock?.release()
    throw error
  }
}

async function openForWriting(
  folder: string,
  options: OpenFolderOptions,
  how: ContentsOptions,
  lock: FolderLock,
): Promise<GalleryContents> {
  const found = (await findFitting(folder, options, lock)) ?? { manifest: await makeGallery(folder, options, lock) }
  const contents = await openContents(folder, found.manifest, how)
  try {
    // Everything is proven: only now may something go.
    lock.check()
    if (found.recovered) {
      how.onWarning(found.recovered)
      await restoreManifest(folder, found.manifest)
    }
    await removeLeftovers(folder, found.manifest, how.onWarning)
    return contents
  } catch (error) {
    await contents.dispose()
    throw error
  }
}

/** A first try that failed leaves a gallery without any image: it binds nobody to its model. */
async function findFitting(
  folder: string,
  options: OpenFolderOptions,
  lock: FolderLock,
): Promise<FoundGallery | undefined> {
  const found = await findGallery(folder)
  try {
    if (found) checkHeld(folder, found.manifest, options)
    return found
  } catch (error) {
    lock.check()
    if (options.space !== undefined && (await giveUpUntouched(folder))) return undefined
    throw error
  }
}

async function makeGallery(
  folder: string,
  { space, dim, members = [], root = path.dirname(path.resolve(folder)) }: OpenFolderOptions,
  lock: FolderLock,
): Promise<Manifest> {
  if (space === undefined || dim === undefined) throw missing(folder)
  lock.check()
  await removeUnfinishedGallery(folder)
  const manifest: Manifest = { gallery: randomUUID(), generation: 1, space, dim, members: [...members] }
  const header = { manifest, root: relativeRoot(folder, root) }
  await createStoreFiles(folder, header)
  await sealStoreFiles(folder, header)
  await writeManifest(folder, manifest)
  return manifest
}

/** A reader may find that a rewrite has just replaced the files. */
async function openForReading(
  folder: string,
  options: OpenFolderOptions,
  how: ContentsOptions,
): Promise<GalleryContents> {
  for (let attempt = 1; ; attempt++) {
    const found = await findGallery(folder)
    if (!found) throw missing(folder)
    checkHeld(folder, found.manifest, options)
    try {
      const contents = await openContents(folder, found.manifest, how)
      if (found.recovered) how.onWarning(found.recovered)
      return contents
    } catch (error) {
      const now = await findGallery(folder).catch(() => undefined)
      if (attempt === ATTEMPTS || !now || now.manifest.generation === found.manifest.generation) throw error
    }
  }
}

const missing = (folder: string) =>
  noSuchGallery(
    folder,
    existsSync(folder)
      ? `The folder ${folder} holds no gallery: it has no ${MANIFEST}`
      : `There is no folder ${folder}`,
  )
