import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'

/** Files with this ending are being written, or were when a process ended: the next writer removes them. */
export const UNFINISHED = '.tmp'

/** Gives a file new content in one step that survives a power cut. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  try {
    const handle = await open(`${file}${UNFINISHED}`, 'w')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${file}${UNFINISHED}`, file)
  } catch (error) {
    await rm(`${file}${UNFINISHED}`, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(path.dirname(file))
}

/** Makes new and renamed names in a folder last. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The system may write less than it was given, without an error. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
    if (bytesWritten === 0)
      throw Object.assign(new Error('EIO: nothing was written'), { code: 'EIO', syscall: 'write' })
    done += bytesWritten
  }
}
