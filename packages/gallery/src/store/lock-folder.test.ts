import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isLocked, LOCK_AGE_MS, lockFolder } from './lock-folder.js'

let folder = ''
let file = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-lock-'))
  file = path.join(folder, 'lock')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A lock as another holder would have left it, in place: the inode is its own. */
async function leave(change: Record<string, unknown>, age = 0): Promise<void> {
  const lock = await lockFolder(folder)
  const holder = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  lock.release()
  await writeFile(file, '')
  const inode = String((await stat(file, { bigint: true })).ino)
  await writeFile(file, `${JSON.stringify({ ...holder, inode, ...change })}\n`)
  const then = new Date(Date.now() - age)
  await utimes(file, then, then)
}

it('keeps a second holder out until it is released', async () => {
  const lock = await lockFolder(folder)
  expect(isLocked(folder)).toBe(true)
  await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'gallery/locked', fields: { pid: process.pid } })
  lock.check()
  lock.release()
  expect(isLocked(folder)).toBe(false)
  expect(await readdir(folder)).toEqual([])
})

it.skipIf(process.platform !== 'linux')('recognises a number that belongs to another process by now', async () => {
  await leave({ started: '1' })
  expect(isLocked(folder)).toBe(false)
  const lock = await lockFolder(folder)
  expect(lock.warnings).toMatchObject([{ code: 'gallery/stale-lock', fields: { pid: process.pid } }])
  lock.release()
})

it.skipIf(process.platform !== 'linux')(
  'takes the lock of a dead process over that its parent never waited for',
  async () => {
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [pid] = String((await once(parent.stdout, 'data'))[0]).split('\n')
      const statOf = async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')
      // While the parent is still a shell, it would wait for its child.
      const nameOf = (process: unknown) => readFile(`/proc/${String(process)}/comm`, 'utf8')
      await vi.waitFor(async () => expect(await nameOf(parent.pid)).toBe('sleep\n'), { timeout: 30_000 })
      process.kill(Number(pid))
      await vi.waitFor(async () => expect((await statOf())[2]).toBe('Z'), { timeout: 30_000 })
      await leave({ pid: Number(pid), started: (await statOf())[21] })
      expect(isLocked(folder)).toBe(false)
      const lock = await lockFolder(folder)
      expect(lock.warnings).toMatchObject([{ code: 'gallery/stale-lock', fields: { pid: Number(pid) } }])
      lock.release()
    } finally {
      parent.kill()
    }
  },
)

it('cannot tell without the time of its start, and waits until it is no longer renewed', async () => {
  await leave({ started: null })
  await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'gallery/locked' })
  await leaveAgain(LOCK_AGE_MS + 5000)
  const lock = await lockFolder(folder)
  expect(lock.warnings).toHaveLength(1)
  lock.release()
})

const leaveAgain = async (age: number) => {
  const then = new Date(Date.now() - age)
  await utimes(file, then, then)
}

it.each([
  ['machine', { host: 'elsewhere' }],
  ['container of this machine', { system: 'another namespace' }],
])('holds for another %s while it is renewed, and says what can be done', async (_, change) => {
  await leave({ ...change, pid: 1, started: '1' }, LOCK_AGE_MS - 60_000)
  await expect(lockFolder(folder)).rejects.toMatchObject({
    code: 'gallery/locked',
    message: expect.stringMatching(/2 minutes after it was last renewed; to go on at once, delete .*lock/) as unknown,
  })
  await leaveAgain(LOCK_AGE_MS + 5000)
  const lock = await lockFolder(folder)
  expect(lock.warnings).toMatchObject([{ code: 'gallery/stale-lock', fields: { pid: 1 } }])
  lock.release()
  expect(await readdir(folder)).toEqual([])
})

it('stops a holder whose lock was taken over, and leaves the new one alone', async () => {
  const lock = await lockFolder(folder)
  await leaveBy(hostname())
  expect(() => lock.check()).toThrow(expect.objectContaining({ code: 'gallery/locked' }))
  lock.release()
  expect(await readdir(folder)).toEqual(['lock'])
})

const leaveBy = (host: string) => writeFile(file, JSON.stringify({ pid: 1, host, token: 'other' }))
