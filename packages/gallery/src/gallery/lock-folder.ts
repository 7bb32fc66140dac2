import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LookalikeError, type Warning } from '@lookalike/core'

/** Who writes to a folder. */
interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process started, in the kernel's ticks: numbers of processes are given again. Linux only. */
  readonly started: string | null
  /** Of the lock file itself: a copied folder has a copied lock, which locks nothing. */
  readonly inode: string
  readonly token: string
}

export interface FolderLock {
  readonly warnings: readonly Warning[]
  /** @throws `gallery/locked` when another process took the lock over. */
  check(): void
  release(): void
}

const ATTEMPTS = 20
const PAUSE_MS = 25

/**
 * Keeps other writers out of a folder. The lock of a process that is gone, or one that was copied with its folder, is
 * taken over.
 *
 * @throws `gallery/locked` naming the process that holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = path.join(folder, 'lock')
  const warnings: Warning[] = []
  for (let attempt = 0; ; attempt++) {
    const token = create(file)
    if (token !== undefined) return { warnings, check: () => check(file, token), release: () => release(file, token) }
    const text = read(file)
    if (text === undefined) continue
    const holder = parse(text)
    // Without a holder it is being written at this moment, or its writer died just then.
    if (holder ? isAlive(holder, file) : attempt < ATTEMPTS) {
      if (holder) throw locked(file, holder)
      await sleep(PAUSE_MS)
      continue
    }
    if (takeAway(file, text)) {
      const message = `The last writer of ${folder}${holder ? `, process ${holder.pid},` : ''} did not close the gallery; its lock was taken over.`
      warnings.push({ code: 'gallery/stale-lock', message, fields: { path: file, pid: holder?.pid } })
    }
  }
}

function create(file: string): string | undefined {
  let descriptor: number
  try {
    descriptor = openSync(file, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
  try {
    const token = randomUUID()
    const inode = String(fstatSync(descriptor, { bigint: true }).ino)
    const holder: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid), inode, token }
    writeSync(descriptor, `${JSON.stringify(holder)}\n`)
    return token
  } catch (error) {
    unlinkSync(file)
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder
    return typeof holder.pid === 'number' && typeof holder.token === 'string' ? holder : undefined
  } catch {
    return undefined
  }
}

function isAlive(holder: Holder, file: string): boolean {
  const inode = statSync(file, { bigint: true, throwIfNoEntry: false })?.ino
  if (inode === undefined || String(inode) !== holder.inode) return false
  // Processes of other machines cannot be asked.
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return holder.started === null || startOf(holder.pid) === holder.started
}

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets, which may hold anything; the start is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/** Removes a dead lock, and only that one: between reading and renaming another process may have made its own. */
function takeAway(file: string, text: string): boolean {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const mine = read(aside) === text
  if (mine) unlinkSync(aside)
  else renameSync(aside, file)
  return mine
}

function check(file: string, token: string): void {
  const holder = parse(read(file) ?? '')
  if (holder?.token !== token) throw locked(file, holder)
}

function release(file: string, token: string): void {
  if (parse(read(file) ?? '')?.token === token) unlinkSync(file)
}

function locked(file: string, holder: Holder | undefined): LookalikeError {
  const elsewhere = holder !== undefined && holder.host !== hostname()
  const who = holder ? `process ${holder.pid}${elsewhere ? ` on ${holder.host}` : ''}` : 'another process'
  return new LookalikeError(
    'gallery/locked',
    {
      problem: `The gallery ${path.dirname(file)} is being written by ${who}`,
      expected: 'one writer at a time',
      fix: elsewhere
        ? `Wait until it is done. If that machine is gone, delete ${file}.`
        : 'Wait until it is done, or open the gallery for reading.',
    },
    { fields: { path: file, pid: holder?.pid, host: holder?.host } },
  )
}
