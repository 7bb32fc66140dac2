import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkpointsIn } from './checkpoints-in.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'checkpoint-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const content = (value: number) => ({
  facts: { counters: { step: 7 } },
  arrays: {
    weights: { odd: Float32Array.of(value, 2, 3), 'loss/p': new Float32Array(0) },
    task: { cursor: Int32Array.of(-5, 6) },
  },
})

describe('checkpointsIn', () => {
  it('gives back what it got', async () => {
    const store = checkpointsIn(folder)
    expect(await store.load('last')).toBeUndefined()
    await store.save('last', content(1.5))
    const found = (await store.load('last'))!
    expect(found.arrays).toEqual(content(1.5).arrays)
    expect(found.facts['counters']).toEqual({ step: 7 })
    const part = checkpointsIn(folder, 'head')
    await part.save('last', content(4))
    expect((await store.load('last'))!.arrays['weights']!['odd']![0]).toBe(1.5)
    await store.remove('last')
    expect(await store.load('last')).toBeUndefined()
    expect((await part.load('last'))!.arrays['weights']!['odd']![0]).toBe(4)
  })

  it('leaves the old checkpoint and nothing else behind when the disk is full', async () => {
    const store = checkpointsIn(folder)
    await store.save('last', content(1))
    const handle = await open(path.join(folder, 'probe'), 'w')
    const prototype = Object.getPrototypeOf(handle) as typeof handle
    await handle.close()
    await rm(path.join(folder, 'probe'))
    vi.spyOn(prototype, 'writeFile')
      .mockImplementationOnce(async () => {})
      .mockRejectedValueOnce(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    await expect(store.save('last', content(2))).rejects.toMatchObject({
      code: 'train/write',
      message: expect.stringContaining('The disk is full') as string,
      fields: { code: 'ENOSPC' },
    })
    expect(await readdir(folder)).toEqual(['checkpoint-last.bin'])
    expect((await store.load('last'))!.arrays['weights']!['odd']![0]).toBe(1)
  })

  it('knows of every flipped bit and every cut', async () => {
    const store = checkpointsIn(folder)
    await store.save('last', content(1.5))
    const file = store.path('last')
    const whole = await readFile(file)
    const refused = expect.objectContaining({ code: 'train/checkpoint-damaged' })
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(file, flipped)
      await expect(store.load('last'), `bit ${bit}`).rejects.toThrow(refused)
    }
    for (let length = 0; length < whole.length; length++) {
      await writeFile(file, whole.subarray(0, length))
      await expect(store.load('last'), `cut to ${length}`).rejects.toThrow(refused)
    }
  })

  it('names the folder that cannot be written to', async () => {
    const store = checkpointsIn(path.join(folder, 'missing'))
    await expect(store.save('best', content(1))).rejects.toMatchObject({
      code: 'train/write',
      fields: { path: store.path('best') },
    })
  })
})
