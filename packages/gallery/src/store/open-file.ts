import { type FileHandle, open } from 'node:fs/promises'
import { damaged } from './file-errors.js'

/** @throws `gallery/damaged` where there is no such file, or something else of its name. */
export async function openFile(file: string, mode: 'read' | 'write'): Promise<FileHandle> {
  let handle: FileHandle
  try {
    handle = await open(file, mode === 'write' ? 'r+' : 'r')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw damaged(file, 'is missing', {}, { cause })
    if (code === 'EISDIR') throw damaged(file, 'is a folder', {}, { expected: 'a file', cause })
    throw cause
  }
  const stats = await handle.stat()
  if (stats.isFile()) return handle
  await handle.close()
  throw damaged(file, 'is a folder', {}, { expected: 'a file' })
}
