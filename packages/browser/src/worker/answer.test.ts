import type { RawImage } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image/browser'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { answer } from './answer.js'
import type { Reply, Request } from './protocol.js'

const preprocessing = preprocessingSchema.parse({
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  mean: [0, 0, 0],
  std: [1, 1, 1],
})
const picture = (value: number): RawImage => ({ data: new Uint8Array(12).fill(value), width: 2, height: 2 })

let replies: Reply[]
beforeEach(() => {
  replies = []
  vi.stubGlobal('postMessage', (reply: Reply) => void replies.push(reply))
  vi.stubGlobal('onmessage', null)
})
afterEach(() => vi.unstubAllGlobals())

/** A worker whose model answers with the first value of the pixels. */
async function start() {
  const place = globalThis as unknown as { onmessage(event: { data: Request }): void }
  const encode = vi.fn(async (pixels: Float32Array) => pixels.slice(0, 1))
  const model = {
    name: 'm',
    space: 's',
    dim: 1,
    device: 'wasm',
    preprocessing,
    encode,
    dispose: async () => {},
  } as const
  answer(async () => model)
  const send = (request: Request) => place.onmessage({ data: request })
  send({ id: 0, kind: 'open', source: { folder: '/' }, runtime: undefined, device: 'auto', threads: undefined })
  await vi.waitFor(() => expect(replies).toHaveLength(1))
  return (id: number, image: Blob | RawImage) => send({ id, kind: 'embed', image })
}

test('answers in the order that it was asked in, and goes on after what is no picture', async () => {
  const embed = await start()
  embed(1, new Blob(['hello']))
  for (const id of [2, 3, 4, 5, 6]) embed(id, picture(id))
  await vi.waitFor(() => expect(replies).toHaveLength(7))
  expect(replies.slice(1)).toEqual([
    { id: 1, error: expect.objectContaining({ code: 'image/unsupported' }) },
    ...[2, 3, 4, 5, 6].map((id) => ({ id, value: Float32Array.of(id / 255) })),
  ])
})

test('decodes three pictures at a time, however many are asked for', async () => {
  const decoders: (() => void)[] = []
  vi.stubGlobal(
    'createImageBitmap',
    () => new Promise((_, reject) => decoders.push(() => reject(new Error('damaged')))),
  )
  const embed = await start()
  const png = new Blob([Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])])
  for (const id of [1, 2, 3, 4, 5]) embed(id, png)
  await vi.waitFor(() => expect(decoders).toHaveLength(3))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(decoders).toHaveLength(3)
  decoders[0]!()
  await vi.waitFor(() => expect(decoders).toHaveLength(4))
  for (const end of decoders) end()
  await vi.waitFor(() => expect(decoders).toHaveLength(5))
  decoders[4]!()
  await vi.waitFor(() => expect(replies).toHaveLength(6))
})
