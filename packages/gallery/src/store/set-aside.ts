import { randomUUID } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import { syncFolder, writeAt } from './write-whole.js'

/** What was cut off or replaced is kept in here until the gallery is compacted. */
export const ASIDE = 'cut'

const BLOCK = 1 << 20

/** Copies the end of a file, and flushes the copy. Returns where it is, relative to the folder. */
export async function keepTail(folder: string, file: string, from: number): Promise<string> {
  const name = await nameAside(folder, `${path.basename(file)}-${from}`)
  const source = await open(file, 'r')
  try {
    const target = await open(path.join(folder, name), 'wx')
    try {
      const block = Buffer.allocUnsafe(BLOCK)
      for (let done = 0; ; ) {
        const { bytesRead } = await source.read(block, 0, BLOCK, from + done)
        if (bytesRead === 0) break
        await writeAt(target, block.subarray(0, bytesRead), done)
        done += bytesRead
      }
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  await syncFolder(path.join(folder, ASIDE))
  return name
}

/** Moves a whole file, or whatever stands in its place. Returns where it is, relative to the folder. */
export async function moveAside(folder: string, name: string): Promise<string> {
  const to = await nameAside(folder, name)
  await rename(path.join(folder, name), path.join(folder, to))
  await syncFolder(folder)
  return to
}

async function nameAside(folder: string, name: string): Promise<string> {
  await mkdir(path.join(folder, ASIDE), { recursive: true })
  return path.join(ASIDE, `${name}-${randomUUID().slice(0, 8)}`)
}
