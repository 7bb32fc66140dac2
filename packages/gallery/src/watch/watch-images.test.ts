import { appendFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { watchImages } from './watch-images.js'

let folder: string
let controller: AbortController
let watching: Promise<void> | undefined
beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-watch-')))
  controller = new AbortController()
})
afterEach(async () => {
  controller.abort()
  await watching?.catch(() => undefined)
  await rm(folder, { recursive: true, force: true })
})

const at = (name: string) => path.join(folder, name)

/** Watches, and gives the calls as they come. */
async function watch(onChange: (changed: readonly string[]) => Promise<void> = async () => undefined) {
  const calls: string[][] = []
  let told: (() => void) | undefined
  await new Promise<void>((resolve) => {
    const call = async (changed: readonly string[]) => {
      calls.push(changed.map((file) => path.relative(folder, file)))
      told?.()
      await onChange(changed)
    }
    watching = watchImages([folder], call, {
      signal: controller.signal,
      except: [at('gallery')],
      quiet: 100,
      onReady: resolve,
    })
  })
  return {
    calls,
    async until(enough: () => boolean) {
      while (!enough()) await new Promise<void>((resolve) => (told = resolve))
    },
  }
}

it('tells what came, changed and went; not what lies in folders of its own, and nothing hidden', async () => {
  await writeFile(at('old.png'), 'old')
  await mkdir(at('gallery'))
  const { calls, until } = await watch()
  await writeFile(at('gallery/log'), 'x')
  await writeFile(at('.hidden.png'), 'x')
  await mkdir(at('deep/er'), { recursive: true })
  await writeFile(at('deep/er/new.png'), 'new')
  await rm(at('old.png'))
  const all = () => calls.flat()
  await until(() => all().includes('old.png') && all().includes(path.join('deep', 'er', 'new.png')))
  expect(new Set(all())).toEqual(new Set(['old.png', path.join('deep', 'er', 'new.png')]))
})

it('waits for a file that is still being written, and for the work that runs', async () => {
  let running = 0
  let most = 0
  const { calls, until } = await watch(async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 50))
    running--
  })
  for (let i = 0; i < 12; i++) {
    await appendFile(at('slow.png'), 'part')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const written = calls.length
  await until(() => calls.flat().includes('slow.png'))
  // Slow machines may pause longer than it waits; never is it told of twice at once.
  expect(written).toBeLessThan(3)
  expect(most).toBe(1)
})

it('ends with what the work ends with', async () => {
  await watch(() => Promise.reject(new Error('full')))
  await writeFile(at('new.png'), 'new')
  await expect(watching).rejects.toThrow('full')
})

it('refuses what is not there', async () => {
  const nowhere = watchImages([at('nowhere')], async () => undefined, { signal: controller.signal })
  await expect(nowhere).rejects.toMatchObject({ code: 'watch/not-found' })
})
