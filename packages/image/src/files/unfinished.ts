import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'

/** In containers the numbers of processes come again. */
const SELF = `${process.pid}-${randomBytes(4).toString('hex')}`
let names = 0

/** Where a file or folder is written before it takes its place: named after the process, so that what one leaves that was killed is known. */
export const unfinishedName = (file: string) => `${file}.${SELF}-${names++}.tmp`

/** Those names, and those of models (`saveModel`). */
const UNFINISHED = /^(.+)\.((\d+)(?:-[0-9a-f]{8})?)(?:-\d+)?\.tmp$/

/** Removes what processes that are gone left unfinished in a folder and the folders in it. */
export async function removeUnfinished(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  for (const name of entries) if (isLeft(name)) await rm(path.join(folder, name), { force: true, recursive: true })
}

/** The same of one file, or folder. */
export async function removeUnfinishedOf(file: string): Promise<void> {
  const folder = path.dirname(file)
  for (const name of await readdir(folder).catch(() => []))
    if (isLeft(name, path.basename(file))) await rm(path.join(folder, name), { force: true, recursive: true })
}

function isLeft(name: string, of?: string): boolean {
  const [, file, owner, pid] = UNFINISHED.exec(name) ?? []
  if (owner === undefined || owner === SELF || (of !== undefined && file !== of)) return false
  if (Number(pid) === process.pid) return owner !== pid
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM'
  }
}
