import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { removeUnfinishedOf, unfinishedName } from '@lookalike/image'

/** Writes a file whole or not at all, its folder included. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  const temporary = unfinishedName(file)
  try {
    await writeFile(temporary, content, { flush: true })
    await rename(temporary, file)
    await removeUnfinishedOf(file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
