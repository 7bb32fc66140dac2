import { constants } from 'node:fs'
import { copyFile, lstat, mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'

/**
 * Moves a file to a place where nothing is, also onto another disk; the file is at one of the two places at any moment.
 *
 * @throws `move/exists`, `move/failed`
 */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await mkdir(path.dirname(to), { recursive: true })
    if (await isThere(to)) throw inTheWay(to)
    await rename(from, to).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
      return copyAcross(from, to)
    })
  } catch (cause) {
    if (cause instanceof LookalikeError) throw cause
    throw new LookalikeError(
      'move/failed',
      {
        problem: `${from} cannot be moved to ${to}: ${(cause as Error).message}`,
        fix: 'Make room, or check that both folders may be written to. Everything that was moved is written down, and can be moved back.',
      },
      { fields: { from, to }, cause },
    )
  }
}

export const isThere = async (file: string): Promise<boolean> =>
  (await lstat(file).catch(() => undefined)) !== undefined

async function copyAcross(from: string, to: string): Promise<void> {
  const { atime, mtime } = await lstat(from)
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    const handle = await open(to, 'r+')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    await utimes(to, atime, mtime)
  } catch (error) {
    await rm(to, { force: true }).catch(() => undefined)
    throw error
  }
  await rm(from)
}

const inTheWay = (to: string) =>
  new LookalikeError(
    'move/exists',
    { problem: `There is something at ${to} already`, fix: 'Move it away, or name another folder.' },
    { fields: { to } },
  )
