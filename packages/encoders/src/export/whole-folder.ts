import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { removeUnfinishedOf, unfinishedName } from '@lookalike/image'

/**
 * The absolute path of a folder that is still to be written.
 *
 * @throws `export/exists` where there is something already
 */
export async function newFolder(to: string): Promise<string> {
  const folder = path.resolve(to)
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : undefined,
  )
  if (there === undefined || there.length > 0) throw exists(folder)
  return folder
}

/**
 * Writes a folder as a whole: `fill` writes into another one beside it, which gets its name at the end. Where something fails nothing is left.
 *
 * @param folder of {@link newFolder}
 * @throws `export/write` where the disk refuses; what `fill` throws
 */
export async function writeWholeFolder<T>(folder: string, fill: (temporary: string) => Promise<T>): Promise<T> {
  await removeUnfinishedOf(folder)
  const temporary = unfinishedName(folder)
  try {
    await mkdir(temporary, { recursive: true })
    const result = await fill(temporary)
    await rm(folder, { recursive: true, force: true })
    await rename(temporary, folder)
    return result
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    throw writeFailed(folder, cause as Error)
  }
}

const exists = (folder: string) =>
  new LookalikeError(
    'export/exists',
    { problem: `There is something at ${folder} already`, expected: 'a new or an empty folder' },
    { fields: { folder } },
  )

const writeFailed = (folder: string, cause: Error) =>
  new LookalikeError(
    'export/write',
    {
      problem: `${folder} cannot be written: ${cause.message}`,
      fix: 'Make room, or name another folder. Nothing was left there.',
    },
    { fields: { folder }, cause },
  )
