import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'

/** Files of images that were sent, so that they can be shown and reranked. */
export interface Uploads {
  /** Keeps the file on disk before it resolves to its path. @throws `gallery/write` */
  keep(id: string, hash: string, bytes: Uint8Array): Promise<string>
  /** Takes away the files of an id, but for the one of this hash. */
  forget(id: string, exceptHash?: string): Promise<void>
}

/** A folder for each id, named by its hash: ids may hold anything. */
export function createUploads(folder: string): Uploads {
  const folderOf = (id: string) => {
    const name = createHash('sha256').update(id).digest('hex').slice(0, 32)
    return path.join(folder, name.slice(0, 2), name)
  }
  return {
    async keep(id, hash, bytes) {
      const file = path.join(folderOf(id), `${hash.slice(0, 32)}.${extensionOf(bytes)}`)
      const own = `${file}.${randomUUID()}`
      try {
        await mkdir(path.dirname(file), { recursive: true })
        const handle = await open(own, 'wx')
        try {
          await handle.writeFile(bytes)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(own, file)
        return file
      } catch (cause) {
        await rm(own, { force: true }).catch(() => undefined)
        throw new LookalikeError(
          'gallery/write',
          {
            problem: `The image could not be kept in ${folder} (${(cause as NodeJS.ErrnoException).code ?? cause})`,
            fix: 'Check the room on the disk and the permissions of the folder.',
          },
          { fields: { path: folder }, cause },
        )
      }
    },
    async forget(id, exceptHash) {
      const own = folderOf(id)
      for (const name of await readdir(own).catch(() => []))
        if (exceptHash === undefined || !name.startsWith(`${exceptHash.slice(0, 32)}.`))
          await rm(path.join(own, name), { force: true })
      if (exceptHash === undefined) await rm(own, { recursive: true, force: true })
    },
  }
}

/** What a file is called by what it holds; a name that was sent is never used. */
function extensionOf(bytes: Uint8Array): string {
  const starts = (...values: number[]) => values.every((value, i) => bytes[i] === value)
  if (starts(0xff, 0xd8)) return 'jpg'
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'png'
  if (starts(0x47, 0x49, 0x46)) return 'gif'
  if (starts(0x52, 0x49, 0x46, 0x46)) return 'webp'
  return 'img'
}
