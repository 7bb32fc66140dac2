import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
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
  /** The kernel's run and the container: a process can be asked from there only. Linux only. */
  readonly system: string | null
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
/** A holder renews its lock that often. */
const RENEW_MS = 10_000
/** A lock that was not renewed for so long has no holder. Only asked where the process itself cannot be. */
export const LOCK_AGE_MS = 120_000

/**
 * Keeps other writers out of a folder. The lock of a process that is gone, or one that was copied with its folder, is taken over; so is
 * that of another machine or container once it was not renewed for two minutes.
 *
 * @throws `gallery/locked` naming the process that holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = path.join(folder, 'lock')
  const warnings: Warning[] = []
  for (let attempt = 0; ; attempt++) {
    const token = create(file)
    if (token !== undefined) {
      const renewal = setInterval(() => renew(file, token), RENEW_MS).unref()
      return {
        warnings,
        check: () => check(file, token),
        release() {
          clearInterval(renewal)
          release(file, token)
        },
      }
    }
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

/** Whether somebody writes to a folder at this moment. */
export function isLocked(folder: string): boolean {
  const file = path.join(folder, 'lock')
  try {
    const text = read(file)
    const holder = parse(text ?? '')
    return holder ? isAlive(holder, file) : text !== undefined
  } catch {
    return false
  }
}

/** Writes its last byte again, so that the time is the file system's own. */
function renew(file: string, token: string): void {
  try {
    const descriptor = openSync(file, 'r+')
    try {
      const text = readFileSync(descriptor, 'utf8')
      if (parse(text)?.token === token) writeSync(descriptor, text.slice(-1), Buffer.byteLength(text) - 1)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // Whether the lock still holds shows before the next write.
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
    const started = startOf(process.pid)
    const holder: Holder = { pid: process.pid, host: hostname(), started, system: systemOf(), inode, token }
    const bytes = Buffer.from(`${JSON.stringify(holder)}\n`)
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done)
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
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined || String(stats.ino) !== holder.inode) return false
  if (holder.host !== hostname() || holder.system !== systemOf()) return isRenewed(file, stats.mtimeMs)
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  // Without the time of its start, the number may be another process's by now.
  return holder.started === null ? isRenewed(file, stats.mtimeMs) : startOf(holder.pid) === holder.started
}

/** By the clock of the file system, which may be another machine's. */
function isRenewed(file: string, renewed: bigint): boolean {
  return clockOf(file) - Number(renewed) < LOCK_AGE_MS
}

function clockOf(file: string): number {
  const probe = `${file}.${randomUUID()}`
  try {
    const descriptor = openSync(probe, 'wx')
    try {
      return fstatSync(descriptor).mtimeMs
    } finally {
      closeSync(descriptor)
      unlinkSync(probe)
    }
  } catch {
    // A reader of a folder that it may not write to.
    return Date.now()
  }
}

function systemOf(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

/** Null for a process that is dead, though its parent (the first process of many containers) never asked how it ended. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets, which may hold anything; the state is the third, the start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
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
  const elsewhere = holder !== undefined && (holder.host !== hostname() || holder.system !== systemOf())
  const who = holder ? `process ${holder.pid}${elsewhere ? ` on ${holder.host}` : ''}` : 'another process'
  return new LookalikeError(
    'gallery/locked',
    {
      problem: `The gallery ${path.dirname(file)} is being written by ${who}`,
      expected: 'one writer at a time',
      fix: elsewhere
        ? `Wait until it is done. If it is gone, its lock is taken over ${LOCK_AGE_MS / 60_000} minutes after it was last renewed; to go on at once, delete ${file}.`
        : 'Wait until it is done, or open the gallery for reading.',
    },
    { fields: { path: file, pid: holder?.pid, host: holder?.host } },
  )
}
