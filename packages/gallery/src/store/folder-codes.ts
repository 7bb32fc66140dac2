import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { GalleryCodes } from '@lookalike/core'
import writeFileAtomic from 'write-file-atomic'

/** Files read or written at once. */
const AT_ONCE = 16

/**
 * Codes of images in a folder, a file each, named by the image's content: it can be copied, shared and cut off at any moment. Nothing is made
 * before the first code is put.
 */
export function createFolderCodes(folder: string): GalleryCodes {
  const nameOf = (hash: string) => path.join(hash.slice(0, 2), hash.slice(2, 34))
  const at = (hash: string) => path.join(folder, nameOf(hash))
  return {
    get: (hashes) => inTurns(hashes, (hash) => readFile(at(hash)).catch(() => undefined)),
    async put(codes) {
      await inTurns(codes, async ({ hash, code }) => {
        await mkdir(path.dirname(at(hash)), { recursive: true })
        await writeFileAtomic(at(hash), Buffer.from(code.buffer, code.byteOffset, code.byteLength))
      })
    },
    async missing(hashes) {
      const there = await inTurns(hashes, (hash) =>
        stat(at(hash)).then(
          (what) => what.isFile(),
          () => false,
        ),
      )
      return hashes.filter((_, i) => !there[i])
    },
    async retain(hashes) {
      const kept = new Set([...hashes].map(nameOf))
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      })
      const gone = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .filter((name) => !kept.has(name))
      await inTurns(gone, (name) => rm(path.join(folder, name), { force: true }))
      return gone.length
    },
  }
}

/** What rerankers keep in a gallery's folder: their names, and the keys of the models that made the codes. */
export async function codesIn(gallery: string): Promise<{ readonly reranker: string; readonly key: string }[]> {
  const foldersIn = async (...below: string[]) =>
    (await readdir(path.join(gallery, ...below), { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  const found: { reranker: string; key: string }[] = []
  for (const reranker of await foldersIn())
    for (const key of await foldersIn(reranker))
      if ((await foldersIn(reranker, key)).every((name) => /^[0-9a-f]{2}$/.test(name))) found.push({ reranker, key })
  return found
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))))
  return results
}
