import { afterEach, expect, test, vi } from 'vitest'
import { platform } from './browser.js'
import { platform as node } from './node.js'

afterEach(() => vi.unstubAllGlobals())

test('hashes as Node does, in pages without https too', async () => {
  const parts = () => ['lookalike ', Uint8Array.from({ length: 1000 }, (_, i) => i % 251), 'é', new Uint8Array()]
  const wanted = await node.sha256(parts())
  expect(await platform.sha256(parts())).toBe(wanted)
  vi.stubGlobal('crypto', {})
  expect(await platform.sha256(parts())).toBe(wanted)
})

test('keeps notes in a cache of the name that it is given', async () => {
  const kept = new Map<string, Response>()
  const open = vi.fn(async () => ({
    match: async (url: string) => kept.get(url)?.clone(),
    put: async (url: string, response: Response) => void kept.set(url, response),
  }))
  vi.stubGlobal('caches', { open })
  const notes = platform.notes('mine', 'a.json')
  expect(await notes.read()).toBeUndefined()
  await notes.write(Uint8Array.of(1, 2))
  expect(await platform.notes('mine', 'a.json').read()).toEqual(Uint8Array.of(1, 2))
  expect(await platform.notes('mine', 'b.json').read()).toBeUndefined()
  expect(open).toHaveBeenCalledWith('mine')
  await platform.notes(undefined, 'a.json').write(Uint8Array.of(3))
  expect(await platform.notes(undefined, 'a.json').read()).toBeUndefined()
})

test.each<[string, unknown]>([
  ['there is no Cache Storage', undefined],
  ['it may not be used', { open: () => Promise.reject(new Error('no')) }],
  [
    'it is full',
    { open: async () => ({ match: async () => undefined, put: () => Promise.reject(new Error('full')) }) },
  ],
])('goes on where %s', async (_, caches) => {
  vi.stubGlobal('caches', caches)
  const notes = platform.notes('mine', 'a.json')
  await notes.write(Uint8Array.of(1))
  expect(await notes.read()).toBeUndefined()
})
