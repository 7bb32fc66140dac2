import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEmbeddings, definePlugin, type Encoder, isLookalikeError, LookalikeError } from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'

// A plugin as a third party would write it: an encoder that sends image files to a vector service. It needs core alone; this test shows
// that the contract carries it, and is the example that the guide for plugin authors points at.
const vectorService = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'vector-service',
  description: 'Embeds images with a service over HTTP.',
  options: z.strictObject({
    url: z.url().describe('Address that takes an image file and answers with its vector.'),
    model: z.string().min(1).describe("The service's model; part of the space."),
  }),
  async create({ url, model }, { signal }): Promise<Encoder> {
    const embed = async (image: Uint8Array, stop?: AbortSignal): Promise<number[]> => {
      const response = await fetch(`${url}?model=${encodeURIComponent(model)}`, {
        method: 'POST',
        body: image as Uint8Array<ArrayBuffer>,
        ...(stop ? { signal: stop } : {}),
      })
      if (!response.ok) {
        throw new LookalikeError('vector-service/answer', {
          problem: `The service answered ${response.status}`,
          fix: 'Check the address and the model.',
        })
      }
      return ((await response.json()) as { vector: number[] }).vector
    }
    const { dim } = (await (
      await fetch(`${url}?model=${encodeURIComponent(model)}`, signal ? { signal } : {})
    ).json()) as { dim: number }
    const space = `vector-service:${model}`
    return {
      specVersion: 'v1',
      name: 'vector-service',
      dim,
      space,
      input: { kind: 'bytes' },
      batchSize: 4,
      async encode(batch, options) {
        if (batch.kind !== 'bytes')
          throw new LookalikeError('encoder/batch', {
            problem: 'A vector service got pixels',
            expected: 'encoded image files',
          })
        const vectors = await Promise.all(batch.images.map((image) => embed(image, options?.signal)))
        return createEmbeddings({
          data: Float32Array.from(vectors.flat()),
          rows: vectors.length,
          dim,
          space,
          role: 'any',
        })
      },
      dispose: async () => {},
    }
  },
})

let server: Server
let url: string

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ dim: 3 }))
      return
    }
    let length = 0
    let sum = 0
    request.on('data', (chunk: Uint8Array) => {
      length += chunk.length
      for (const byte of chunk) sum += byte
    })
    request.on('end', () => {
      if (length === 0) response.writeHead(422).end()
      else response.end(JSON.stringify({ vector: [length, sum, sum / length] }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/embed`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const context = {
  folder: '.',
  cacheFolder: '.',
  seed: 0,
  warn: () => {},
  origin: () => ({ package: 'test' }),
  create: () => Promise.reject(new Error('This plugin names no other.')),
}

describe('an encoder over HTTP', () => {
  it('gets the files as they are and returns their vectors in order', async () => {
    const encoder = await vectorService.create({ url, model: 'sums' }, context)
    const { rows, dim, space, data } = await encoder.encode({
      kind: 'bytes',
      images: [Uint8Array.of(1, 2, 3), Uint8Array.of(200)],
    })
    expect({ rows, dim, space, data: [...data] }).toEqual({
      rows: 2,
      dim: 3,
      space: 'vector-service:sums',
      data: [3, 6, 2, 1, 200, 200],
    })
    await encoder.dispose()
  })

  it('fails as itself, and stops when told to', async () => {
    const encoder = await vectorService.create({ url, model: 'sums' }, context)
    await expect(encoder.encode({ kind: 'bytes', images: [new Uint8Array()] })).rejects.toSatisfy((error) =>
      isLookalikeError(error, 'vector-service/answer'),
    )
    await expect(
      encoder.encode({ kind: 'bytes', images: [Uint8Array.of(1)] }, { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })
})
