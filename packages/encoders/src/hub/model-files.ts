import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { cached, download } from './download.js'
import { findInHubCache } from './hub-cache.js'
import { hubCacheFolder, isOffline } from './hub-environment.js'
import { type HubOptions, hubUrl } from './hub-options.js'
import { modelLocation } from './model-location.js'
import { reasonOf } from './request.js'

/** A file of a model repository, on this machine. */
export interface ModelFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string
  /** On disk. */
  readonly file: string
  readonly bytes: Uint8Array
}

/** The files of one model repository, a folder or a repository on a hub. */
export interface ModelFiles {
  /** The repository's name, or the folder's path. */
  readonly name: string
  /** The first of `paths` that is there. */
  find(paths: readonly string[]): Promise<ModelFile | undefined>
  /** The same, for files that must be there. @throws `hub/not-found` listing every place that was tried. */
  require(paths: readonly string[], what: string): Promise<ModelFile>
}

/**
 * Opens a model repository: a folder laid out like one (`config.json`, `preprocessor_config.json`, `onnx/model.onnx`), or a
 * repository on the hub by name (`owner/name`), whose files are downloaded as they are asked for and cached.
 *
 * @param folder Relative folders start here.
 * @throws `hub/no-folder` when `model` names a folder that does not exist.
 */
export async function openModelFiles(model: string, folder: string, options: HubOptions): Promise<ModelFiles> {
  const location = modelLocation(model, folder)
  if (location.kind === 'hub') {
    return fileSource(
      location.repository,
      (path) => fromHub(location.repository, path, options),
      options.offline ?? isOffline(),
    )
  }
  await checkFolder(model, location.folder)
  return fileSource(location.folder, (path) => fromFolder(join(location.folder, path)), true)
}

/** Where a file was looked for and why it is not there, or the file. */
type Looked = { readonly file: string; readonly bytes: Uint8Array } | { readonly tried: string }

function fileSource(name: string, look: (path: string) => Promise<Looked>, local: boolean): ModelFiles {
  const search = async (paths: readonly string[], tried: string[]): Promise<ModelFile | undefined> => {
    for (const path of paths) {
      const looked = await look(path)
      if ('file' in looked) return { path, ...looked }
      tried.push(looked.tried)
    }
    return undefined
  }
  return {
    name,
    find: (paths) => search(paths, []),
    async require(paths, what) {
      const tried: string[] = []
      const found = await search(paths, tried)
      if (found) return found
      throw new LookalikeError(
        'hub/not-found',
        {
          problem: `${name} has no ${what}. Tried: ${tried.join('; ')}`,
          expected: `one of ${paths.join(', ')}`,
          fix: local
            ? 'Check the folder, or go online once so that the files can be cached.'
            : 'Check the name, or choose a repository with ONNX files (the onnx-community and Xenova ones have them).',
        },
        { fields: { model: name, paths, tried } },
      )
    },
  }
}

async function fromFolder(file: string): Promise<Looked> {
  try {
    return { file, bytes: await readFile(file) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { tried: `${file} (no such file)` }
    throw new LookalikeError(
      'hub/unreadable',
      { problem: `${file} cannot be read: ${reasonOf(cause)}` },
      { fields: { file }, cause },
    )
  }
}

/** What this process is loading, by file, so that two encoders of one model load it once. */
const underWay = new Map<string, Promise<Looked>>()

async function fromHub(repository: string, path: string, options: HubOptions): Promise<Looked> {
  const file = join(
    options.cacheFolder,
    'hub',
    ...repository.split('/'),
    encodeURIComponent(options.revision ?? 'main'),
    ...path.split('/'),
  )
  // Waiting rather than sharing the result: the other one may be told to stop, and this one not.
  while (underWay.has(file)) await underWay.get(file)?.catch(() => undefined)
  const looking = fromCacheOrNetwork(file, repository, path, options)
  underWay.set(file, looking)
  try {
    return await looking
  } finally {
    underWay.delete(file)
  }
}

async function fromCacheOrNetwork(
  file: string,
  repository: string,
  path: string,
  options: HubOptions,
): Promise<Looked> {
  const url = hubUrl(repository, path, options)
  if (!(await cached(file))) {
    const shared = hubCacheFolder()
    const theirs = await findInHubCache(shared, repository, options.revision ?? 'main', path)
    if (theirs !== undefined) return { file: theirs, bytes: await readFile(theirs) }
    if (options.offline ?? isOffline())
      return { tried: `${path} (in neither ${options.cacheFolder} nor ${shared}, and offline)` }
    if (!(await download(url, file, options))) return { tried: `${url} (not found)` }
  }
  return { file, bytes: await readFile(file) }
}

async function checkFolder(model: string, folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory()) {
    await readdir(folder).catch((cause: unknown) => {
      throw new LookalikeError(
        'hub/unreadable',
        { problem: `${folder} cannot be read: ${reasonOf(cause)}` },
        { fields: { folder }, cause },
      )
    })
    return
  }
  throw new LookalikeError(
    'hub/no-folder',
    {
      problem: found ? `${folder} is a file` : `The folder ${folder} does not exist`,
      expected: 'a folder with config.json and onnx/model.onnx, or a repository on the hub as owner/name',
      fix: 'For a single ONNX file use the encoder `onnx`.',
    },
    { fields: { model, folder } },
  )
}
