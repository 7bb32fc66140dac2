import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'

/**
 * Keeps other processes out of a folder. The lock of a process that is gone is taken over.
 *
 * @returns what lets the next one in
 * @throws `gallery/locked`
 */
export async function lockFile(file: string, folder: string): Promise<() => Promise<void>> {
  const own = JSON.stringify({ host: hostname(), pid: process.pid, token: randomUUID() })
  await mkdir(path.dirname(file), { recursive: true })
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, own, { flush: true })
  try {
    while (!(await linked(draft, file))) {
      const held = await readFile(file, 'utf8').catch(() => undefined)
      if (held === undefined) continue
      if (isAlive(held)) throw locked(file, folder, held)
      await takeAway(file, held)
    }
  } finally {
    await rm(draft, { force: true })
  }
  return async () => {
    if ((await readFile(file, 'utf8').catch(() => '')) === own) await rm(file, { force: true })
  }
}

/** A link fails where the name is taken. */
async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Only the lock that was read: another process may have taken it over just now. */
async function takeAway(file: string, held: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  await rename(file, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => undefined)
  if (moved !== undefined && moved !== held) await linked(aside, file)
  await rm(aside, { force: true })
}

function isAlive(held: string): boolean {
  const { host, pid } = parse(held)
  // Whether a process of another machine lives cannot be told from here.
  if (host !== hostname() || pid === undefined) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function parse(held: string): { readonly host?: string; readonly pid?: number } {
  try {
    return JSON.parse(held) as { host?: string; pid?: number }
  } catch {
    return {}
  }
}

function locked(file: string, folder: string, held: string): LookalikeError {
  const { host, pid } = parse(held)
  return new LookalikeError(
    'gallery/locked',
    {
      problem: `The database in ${folder} is open in the process ${pid ?? '?'} of ${host ?? 'an unknown machine'}`,
      expected: 'one process at a time for an embedded database',
      fix: `Close it there, use a server, or remove ${file} if that process is gone.`,
    },
    { fields: { folder, host, pid } },
  )
}
