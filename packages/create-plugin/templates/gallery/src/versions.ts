import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** A value that only changes as a whole: each version is a file, and the highest number counts. */
export interface Versions<T> {
  read(): Promise<{ readonly version: number; readonly value: T } | undefined>
  /** Makes the next version of what is there, again if another writer was first. */
  change(work: (value: T | undefined) => T): Promise<T>
}

export function createVersions<T>(folder: string): Versions<T> {
  const list = async () => {
    const names = await readdir(folder).catch(() => [])
    return names.flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number)
  }
  const fileOf = (version: number) => path.join(folder, `${version}.json`)

  const read = async () => {
    for (;;) {
      const version = Math.max(0, ...(await list()))
      if (version === 0) return undefined
      const text = await readFile(fileOf(version), 'utf8')
      // Empty: another writer has made a newer one meanwhile.
      if (text !== '') return { version, value: JSON.parse(text) as T }
    }
  }

  return {
    read,
    async change(work) {
      await mkdir(folder, { recursive: true })
      for (;;) {
        const found = await read()
        const value = work(found?.value)
        const version = (found?.version ?? 0) + 1
        const draft = path.join(folder, `${randomUUID()}.draft`)
        await writeFile(draft, JSON.stringify(value), { flush: true })
        try {
          // A link fails where the name is taken: of two writers, one was first.
          await link(draft, fileOf(version))
          // Older ones keep their names, empty: a writer that fell behind must not take one.
          await truncate(fileOf(version - 1)).catch(() => undefined)
          return value
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        } finally {
          await rm(draft, { force: true })
        }
      }
    },
  }
}
