import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ImageRequest, Preprocessing, Warning } from '@lookalike/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { loadBatches } from './load-batches.js'

const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  interpolation: 'bilinear',
  background: [0, 0, 0],
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
}
const flat = (value: number, edge = 2): ImageRequest => ({
  source: { data: new Uint8Array(edge * edge * 3).fill(value), width: edge, height: edge },
})
const requests = (count: number) => Array.from({ length: count }, (_, i) => flat(i))
const bad: ImageRequest = { source: '/nowhere/lost.jpg' }

describe('loadBatches', () => {
  it('keeps the order, and gives buffers back only when released', async () => {
    const seen: number[] = []
    const buffers = new Set<ArrayBufferLike>()
    const held: { data: Float32Array; first: number }[] = []
    for await (const { batch, positions, release } of loadBatches(requests(50), preprocessing, {
      batchSize: 4,
      concurrency: 3,
    })) {
      expect(batch.data.length).toBe(batch.count * 12)
      positions.forEach((position, i) =>
        expect([...batch.data.subarray(i * 12, (i + 1) * 12)]).toEqual(Array(12).fill(position)),
      )
      seen.push(...positions)
      buffers.add(batch.data.buffer)
      if (positions[0]! < 8) held.push({ data: batch.data, first: positions[0]! })
      else release()
      await sleep(1)
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i))
    for (const { data, first } of held) expect(data[0]).toBe(first)
    // Two are held, and three circulate: the caller's and two ahead.
    expect(buffers.size).toBeLessThanOrEqual(2 + 4)
    expect(buffers.size).toBeLessThan(13)
  })

  it('does not hand a buffer out twice when it is released twice', async () => {
    const batches = loadBatches(requests(12), preprocessing, { batchSize: 1, ahead: 1 })
    const first = (await batches.next()).value!
    first.release()
    first.release()
    const rest: Float32Array[] = []
    for await (const { batch } of batches) rest.push(batch.data)
    rest.forEach((data, i) => expect(data[0]).toBe(i + 1))
  })

  it('skips and names what cannot be read, with its position', async () => {
    const noise = Uint8Array.from({ length: 60 * 60 * 3 }, (_, i) => (i * 7919) % 251)
    const corrupt = (
      await sharp(noise, { raw: { width: 60, height: 60, channels: 3 } })
        .jpeg()
        .toBuffer()
    ).subarray(0, 100)
    const given = [flat(0), bad, flat(2), flat(3), { source: corrupt }, bad, bad, bad, flat(8)]
    const warnings: Warning[] = []
    const batches: [number[], number[]][] = []
    for await (const { batch, positions } of loadBatches(given, preprocessing, {
      batchSize: 3,
      onCorrupt: 'skip',
      onWarning: (warning) => warnings.push(warning),
    }))
      batches.push([[...positions], Array.from({ length: batch.count }, (_, i) => batch.data[i * 12]!)])
    expect(batches).toEqual([
      [
        [0, 2],
        [0, 2],
      ],
      [[3], [3]],
      [[8], [8]],
    ])
    expect(warnings.map(({ code, fields }) => [code, fields['position'], fields['source']])).toEqual([
      ['image/not-found', 1, bad.source],
      ['image/truncated', 4, 'an image of 100 bytes'],
      ['image/not-found', 5, bad.source],
      ['image/not-found', 6, bad.source],
      ['image/not-found', 7, bad.source],
    ])
  })

  it('reports trailing failures even when no batch follows', async () => {
    const warnings: Warning[] = []
    for await (const _ of loadBatches([bad, bad], 'bytes', {
      onCorrupt: 'skip',
      onWarning: (warning) => warnings.push(warning),
    }))
      throw new Error('empty')
    expect(warnings).toHaveLength(2)
  })

  it('fails the run by default, after the batches before it', async () => {
    const seen: number[] = []
    const run = async () => {
      for await (const { positions } of loadBatches([flat(0), flat(1), bad, flat(3)], preprocessing, { batchSize: 2 }))
        seen.push(...positions)
    }
    await expect(run()).rejects.toMatchObject({ code: 'image/not-found', fields: { source: bad.source } })
    expect(seen).toEqual([0, 1])
  })

  it('passes files through as bytes, and encodes what is none', async () => {
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>')
    const box = { x: 0, y: 0, width: 0.5, height: 1 }
    for await (const { batch } of loadBatches(
      [{ source: png }, flat(7), { source: svg }, { source: png, box }],
      'bytes',
    )) {
      expect(batch.images[0]).toBe(png)
      const sizes = await Promise.all(
        batch.images.slice(1).map(async (image) => {
          const { format, width } = await sharp(image).metadata()
          return [format, width]
        }),
      )
      expect(sizes).toEqual([
        ['png', 2],
        ['png', 512],
        ['png', 2],
      ])
    }
  })

  it('bounds what it reads at once and ahead, and stops with the loop or the signal', async () => {
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    let running = 0
    let most = 0
    let total = 0
    const server = createServer(async (_, response) => {
      most = Math.max(most, ++running)
      total++
      await sleep(5)
      running--
      response.end(png)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const many = Array.from({ length: 200 }, () => ({ source }))
      const options = { batchSize: 4, concurrency: 3, ahead: 2, urls: 'any' } as const
      for await (const _ of loadBatches(many, preprocessing, options)) {
        // The caller's batch and two ahead, and no more.
        await expect.poll(() => total, { timeout: 300_000 }).toBe(12)
        await sleep(50)
        break
      }
      expect(most).toBe(3)
      expect(total).toBe(12)

      const controller = new AbortController()
      const reason = new Error('enough')
      const run = async () => {
        for await (const _ of loadBatches(many, preprocessing, { ...options, signal: controller.signal }))
          controller.abort(reason)
      }
      await expect(run()).rejects.toBe(reason)
      // Requests that were under way may still arrive; no new ones are made.
      await sleep(30)
      const after = total
      expect(after).toBeLessThanOrEqual(24)
      await sleep(50)
      expect(total).toBe(after)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
