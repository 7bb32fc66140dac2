import { mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { removeUnfinishedOf, unfinishedName } from '@lookalike/image'

/** Files on their way: written beside their place, put there together. */
export interface FinishedFiles {
  /** Where to write what will be `file`. */
  begin(file: string): Promise<string>
  /** Flushes all, and puts each in its place, the first that was begun last. */
  finish(): Promise<readonly string[]>
  abort(): Promise<void>
}

export function createFinishedFiles(): FinishedFiles {
  const names = new Map<string, string>()
  return {
    async begin(file) {
      const full = path.resolve(file)
      await writing(full, () => mkdir(path.dirname(full), { recursive: true }))
      await removeUnfinishedOf(full)
      const temporary = unfinishedName(full)
      names.set(full, temporary)
      return temporary
    },
    async finish() {
      const all = [...names].reverse()
      for (const [file, temporary] of all) {
        await writing(file, async () => {
          const handle = await open(temporary, 'r+')
          try {
            await handle.sync()
          } finally {
            await handle.close()
          }
        })
      }
      for (const [file, temporary] of all) await writing(file, () => rename(temporary, file))
      return [...names.keys()]
    },
    async abort() {
      for (const temporary of names.values()) await rm(temporary, { force: true }).catch(() => undefined)
    },
  }
}

/** Gives failures of writing a name. */
export async function writing<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new LookalikeError(
      'table/write',
      {
        problem:
          code === 'ENOSPC' ? `The disk is full: ${file} was not written` : `${file} was not written: ${message}`,
        fix: 'Make room, or name another place. Nothing was left there.',
      },
      { fields: { file, code }, cause },
    )
  }
}
