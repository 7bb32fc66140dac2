import { closeSync, existsSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { isLookalikeError, type Warning } from '@lookalike/core'
import { savedIndexFiles } from '../gallery/index-note.js'
import { type LogHeader, readHeader } from './change-log.js'
import { readEndNote } from './end-note.js'
import { damaged } from './file-errors.js'
import { MANIFEST, type Manifest, readManifest, writeManifest } from './manifest.js'
import { moveAside } from './set-aside.js'
import { emptyLogBytes, storeFiles } from './store.js'
import { UNFINISHED } from './write-whole.js'

/** A set of files that a log speaks of. */
interface Generation extends LogHeader {
  /** Its end was noted: it is not one that was being made when a process ended. */
  readonly sealed: boolean
}

const LOG = /^items-(\d+)\.jsonl$/
const OURS = /^(items-(\d+)\.jsonl|(?:vectors|member-[a-z0-9-]+)-(\d+)\.f32|index-(\d+)[.-].*)$/
/** Another writer that takes a lock over puts it aside for an instant. */
const LOCK_ASIDE = /^lock\.[0-9a-f-]+$/
const LOCK_ASIDE_MS = 120_000

const generationIn = (name: string): number | undefined => {
  const found = OURS.exec(name)?.slice(2).find(Boolean)
  return found === undefined ? undefined : Number(found)
}

export function listGenerations(folder: string): Generation[] {
  const found: Generation[] = []
  for (const name of readdirSync(folder)) {
    const generation = Number(LOG.exec(name)?.[1])
    const log = Number.isNaN(generation) ? undefined : beginningOf(path.join(folder, name))
    if (log?.manifest.generation === generation) found.push(log)
  }
  return found.sort((a, b) => a.manifest.generation - b.manifest.generation)
}

/** What a log says at its beginning; undefined where that cannot be trusted. */
function beginningOf(file: string): Generation | undefined {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch {
    return undefined
  }
  try {
    const stats = fstatSync(descriptor)
    const header = stats.isFile() ? readHeader(descriptor, stats.size) : undefined
    return header && { ...header, sealed: readEndNote(descriptor) !== undefined }
  } finally {
    closeSync(descriptor)
  }
}

/** A number that no file of the folder has. */
export function freeGeneration(folder: string): number {
  return 1 + Math.max(0, ...readdirSync(folder).map((name) => generationIn(name) ?? 0))
}

export interface FoundGallery {
  readonly manifest: Manifest
  /** What is wrong with gallery.json, where it had to be made from a log. */
  readonly recovered?: Warning | undefined
}

/**
 * What a folder holds, undefined where there is no gallery. Where gallery.json is missing, damaged or behind, the log of the newest whole
 * generation says the same.
 *
 * @throws `gallery/damaged` when neither can be trusted.
 */
export async function findGallery(folder: string): Promise<FoundGallery | undefined> {
  let problem: string
  let cause: unknown
  try {
    const manifest = readManifest(folder)
    if (manifest && existsSync(path.join(folder, storeFiles(manifest).log))) return { manifest }
    problem = manifest ? `speaks of ${storeFiles(manifest).log}, which is not there` : 'is missing'
  } catch (error) {
    problem = isLookalikeError(error) ? error.message.replace(`${path.join(folder, MANIFEST)} `, '') : String(error)
    cause = error
  }
  if (!existsSync(folder)) return undefined
  const newest = listGenerations(folder)
    .filter(({ sealed }) => sealed)
    .at(-1)?.manifest
  const file = path.join(folder, MANIFEST)
  if (newest) {
    const message = `${file} ${problem.replace(/\.$/, '').split('. Expected')[0]}; what it said was taken from ${storeFiles(newest).log}.`
    return { manifest: newest, recovered: { code: 'gallery/manifest-recovered', message, fields: { path: file } } }
  }
  if (cause) throw cause
  const left = readdirSync(folder).filter((name) => generationIn(name) !== undefined)
  if (left.length === 0 && !existsSync(file)) return undefined
  if (!existsSync(file) && (await isUnfinished(folder, left))) return undefined
  throw damaged(
    file,
    problem,
    { found: left },
    { expected: `the note of the gallery whose files are there: ${left.join(', ')}` },
  )
}

/** What the making of a gallery leaves when it ends at once: files without any image. */
async function isUnfinished(folder: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const log = LOG.test(name) ? beginningOf(path.join(folder, name)) : undefined
    const empty = log ? emptyLogBytes(log) : 0
    if ((await stat(path.join(folder, name))).size !== empty) return false
  }
  return true
}

/** Puts the note back that a log was asked for; what stood in its place is kept aside. */
export async function restoreManifest(folder: string, manifest: Manifest): Promise<void> {
  if (existsSync(path.join(folder, MANIFEST))) await moveAside(folder, MANIFEST)
  await writeManifest(folder, manifest)
}

/**
 * Removes what the gallery provably does not need any more: generations before the one that counts, those that were never finished, and files
 * that were being written. A whole generation that does not count is kept aside; files of other galleries are left alone.
 */
export async function removeLeftovers(
  folder: string,
  manifest: Manifest,
  onWarning: (warning: Warning) => void,
): Promise<void> {
  for (const { manifest: other, sealed } of listGenerations(folder)) {
    if (other.gallery !== manifest.gallery || other.generation === manifest.generation) continue
    if (sealed && other.generation > manifest.generation) await keepGeneration(folder, other, onWarning)
    else await removeGeneration(folder, other)
  }
  await removeUnfinished(folder, manifest.generation)
}

/** Files of a gallery that was being made when its maker ended. The log goes first: where it is, its vectors are. */
export async function removeUnfinishedGallery(folder: string): Promise<void> {
  const names = readdirSync(folder).filter((name) => generationIn(name) !== undefined)
  for (const name of names.sort((a, b) => Number(LOG.test(b)) - Number(LOG.test(a)))) await remove(folder, name)
}

/**
 * Takes the note of a gallery away that never held an image: its files are then those of one that was being made.
 *
 * @returns false where there was an image once
 */
export async function giveUpUntouched(folder: string): Promise<boolean> {
  const names = readdirSync(folder).filter((name) => generationIn(name) !== undefined)
  if (!(await isUnfinished(folder, names))) return false
  await rm(path.join(folder, MANIFEST), { force: true })
  return true
}

/** The log goes last: files without one are not known as ours. */
export async function removeGeneration(folder: string, { generation }: Pick<Manifest, 'generation'>): Promise<void> {
  const names = readdirSync(folder).filter((name) => generationIn(name) === generation)
  const isLog = (name: string) => Number(LOG.test(name))
  for (const name of names.sort((a, b) => isLog(a) - isLog(b))) await remove(folder, name)
}

async function keepGeneration(folder: string, other: Manifest, onWarning: (warning: Warning) => void): Promise<void> {
  const kept: string[] = []
  for (const name of readdirSync(folder))
    if (generationIn(name) === other.generation) kept.push(await moveAside(folder, name))
  const message = `${folder} held a whole newer generation that ${MANIFEST} does not speak of; it was moved to ${kept.join(', ')}.`
  onWarning({ code: 'gallery/kept-aside', message, fields: { path: folder, kept } })
}

async function removeUnfinished(folder: string, generation: number): Promise<void> {
  const saved = new Set(savedIndexFiles(folder, generation))
  for (const name of readdirSync(folder)) {
    const stale = generationIn(name) === generation && name.startsWith('index-') && !saved.has(name)
    if (stale || isUnfinishedFile(name)) await remove(folder, name)
    else if (LOCK_ASIDE.test(name)) {
      const { mtimeMs } = await stat(path.join(folder, name))
      if (Date.now() - mtimeMs > LOCK_ASIDE_MS) await remove(folder, name)
    }
  }
}

function isUnfinishedFile(name: string): boolean {
  if (!name.endsWith(UNFINISHED)) return false
  const whole = name.slice(0, -UNFINISHED.length)
  return whole === MANIFEST || generationIn(whole) !== undefined
}

/** Windows keeps files that a reader has open; the next writer tries again. */
const remove = (folder: string, name: string) =>
  rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined)
