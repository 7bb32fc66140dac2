import { createHash } from 'node:crypto'
import type { Warning } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { download } from './download.js'

const URL_OF = 'http://example.org/model.onnx'
const WHOLE = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)
const SHA256 = createHash('sha256').update(WHOLE).digest('hex')

/** What Cache Storage does for the files here. */
function memoryCaches(full = false) {
  const kept = new Map<string, { bytes: Uint8Array; headers: [string, string][] }>()
  const cache = {
    match: async (url: string) => {
      const found = kept.get(url)
      return found && new Response(found.bytes as BodyInit, { headers: found.headers })
    },
    put: async (url: string, response: Response) => {
      if (full) throw new Error('The quota is exceeded')
      kept.set(url, { bytes: new Uint8Array(await response.arrayBuffer()), headers: [...response.headers] })
    },
  }
  return { kept, caches: { open: async () => cache } }
}

describe('download', () => {
  let warnings: string[] = []
  let memory: ReturnType<typeof memoryCaches>
  const onWarning = ({ code }: Warning) => warnings.push(code)
  const answers = (...bodies: (Uint8Array | Error | number)[]) => {
    const fetch = vi.fn<(url: string, init: RequestInit) => Promise<Response>>(async () => {
      const body = bodies.length > 1 ? bodies.shift()! : bodies[0]!
      if (body instanceof Error) throw body
      if (typeof body === 'number') return new Response('no', { status: body })
      return new Response(body as BodyInit, { headers: { 'content-length': String(WHOLE.length) } })
    })
    vi.stubGlobal('fetch', fetch)
    return fetch
  }
  beforeEach(() => {
    warnings = []
    memory = memoryCaches()
    vi.stubGlobal('caches', memory.caches)
  })
  afterEach(() => vi.unstubAllGlobals())
  const code = (code: string) => expect.objectContaining({ code })

  it('asks once, tells its progress, and takes the kept copy afterwards', async () => {
    const fetch = answers(WHOLE)
    const steps: number[] = []
    const wanted = { url: URL_OF, sha256: SHA256, bytes: WHOLE.length }
    const first = await download(wanted, { onProgress: ({ loaded, total }) => steps.push(loaded, total!) })
    expect(first).toEqual(WHOLE)
    expect(steps.slice(-2)).toEqual([5000, 5000])
    expect(await download(wanted)).toEqual(WHOLE)
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it('asks again for another version, and where the kept copy is damaged', async () => {
    const fetch = answers(WHOLE)
    await download({ url: URL_OF })
    memory.kept.get(URL_OF)!.bytes[7]!++
    expect(await download({ url: URL_OF, sha256: SHA256 })).toEqual(WHOLE)
    expect(fetch).toHaveBeenCalledTimes(2)
    await expect(download({ url: URL_OF, sha256: 'f'.repeat(64) })).rejects.toThrow(code('browser/checksum'))
  })

  it('keeps nothing that broke off, and asks past caches for what is not what was meant', async () => {
    const fetch = answers(WHOLE.subarray(0, 4000))
    await expect(download({ url: URL_OF })).rejects.toThrow(/broke off after 4000 of 5000/)
    await expect(download({ url: URL_OF, sha256: SHA256 })).rejects.toThrow(code('browser/download'))
    await expect(download({ url: URL_OF, sha256: SHA256, bytes: 5000 })).rejects.toThrow(code('browser/checksum'))
    expect(fetch.mock.lastCall![1].cache).toBe('reload')
    expect(memory.kept.size).toBe(0)
  })

  it('takes the last whole copy when there is no connection', async () => {
    answers(WHOLE, new TypeError('Failed to fetch'))
    await download({ url: URL_OF })
    expect(await download({ url: URL_OF })).toEqual(WHOLE)
    await expect(download({ url: `${URL_OF}x` })).rejects.toThrow(code('browser/download'))
    answers(404)
    await expect(download({ url: `${URL_OF}x` })).rejects.toThrow(/status 404/)
  })

  it('works without Cache Storage and with a full one, and says so', async () => {
    answers(WHOLE)
    vi.stubGlobal('caches', undefined)
    expect(await download({ url: URL_OF }, { onWarning })).toEqual(WHOLE)
    vi.stubGlobal('caches', memoryCaches(true).caches)
    expect(await download({ url: URL_OF }, { onWarning })).toEqual(WHOLE)
    expect(warnings).toEqual(['browser/no-cache', 'browser/no-cache'])
  })
})
