import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import writeFileAtomic from 'write-file-atomic'
import type { ImageCode } from './image-code.js'

/** The folder for codes inside a cache folder. */
export const CACHED_TOKENS = 'pair-tokens'

/** Images' codes on disk, a file each, named by the image's content: a folder of them can be copied, shared and cut off at any moment. */
export interface CodeFiles {
  /** Undefined where there is none, or a damaged one. */
  read(hash: string): Promise<ImageCode | undefined>
  write(hash: string, code: ImageCode): Promise<void>
  /** The names, as `nameOf` gives them, of all that are there. */
  list(): Promise<string[]>
  nameOf(hash: string): string
  remove(name: string): Promise<void>
}

/**
 * @param tokens values of one image's tokens
 * @param embedding values of one image's embedding
 */
export function createCodeFiles(folder: string, tokens: number, embedding: number): CodeFiles {
  const nameOf = (hash: string) => path.join(hash.slice(0, 2), hash.slice(2, 34))
  return {
    nameOf,
    /** Checksum, tokens, embedding. */
    async read(hash) {
      const bytes = await readFile(path.join(folder, nameOf(hash))).catch(() => undefined)
      if (bytes?.length !== 4 + tokens * 2 + embedding * 4 || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0))
        return undefined
      const content = Uint8Array.from(bytes.subarray(4)).buffer
      return { tokens: new Uint16Array(content, 0, tokens), embedding: new Float32Array(content.slice(tokens * 2)) }
    },
    async write(hash, code) {
      const view = (array: Uint16Array | Float32Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)
      const content = Buffer.concat([view(code.tokens), view(code.embedding)])
      const check = Buffer.alloc(4)
      check.writeUInt32LE(crc32(content))
      const file = path.join(folder, nameOf(hash))
      await mkdir(path.dirname(file), { recursive: true })
      await writeFileAtomic(file, Buffer.concat([check, content]))
    },
    async list() {
      await mkdir(folder, { recursive: true })
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries.flatMap((entry) =>
        entry.isFile() ? [path.relative(folder, path.join(entry.parentPath, entry.name))] : [],
      )
    },
    remove: (name) => rm(path.join(folder, name), { force: true }),
  }
}
