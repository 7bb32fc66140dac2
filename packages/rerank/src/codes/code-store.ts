import {
  type ImageLimits,
  type ImageRequest,
  isLookalikeError,
  type OperationOptions,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { describeSource, hashImage } from '@lookalike/image'
import type { ImageCode } from './image-code.js'
import type { KeptCodes } from './kept-codes.js'

export type Encode = (requests: readonly ImageRequest[], options: OperationOptions) => Promise<(ImageCode | Warning)[]>

export interface CodeStoreOptions {
  /** Values of one image's tokens. */
  readonly tokens: number
  /** Values of one image's embedding. */
  readonly embedding: number
  /** Where codes may be kept. */
  readonly read: readonly KeptCodes[]
  /** Where new codes are kept from run to run. */
  readonly write?: KeptCodes | undefined
  /** How images are read. */
  readonly limits?: ImageLimits | undefined
  /** Bytes that stay in memory; the longest unused go first. */
  readonly memory: number
}

/** Images' codes: from memory, else from the disk, else made and kept. */
export interface CodeStore {
  /** One answer a request: its code, or why there is none. `keep`: whether a new code goes to the disk. */
  get(
    requests: readonly ImageRequest[],
    keep: (i: number) => boolean,
    options?: Pick<OperationOptions, 'signal'>,
  ): Promise<(ImageCode | Warning)[]>
}

export const isCode = (value: ImageCode | Warning): value is ImageCode => 'tokens' in value

export function createCodeStore(
  encode: Encode,
  { tokens, embedding, read, write, memory, limits }: CodeStoreOptions,
): CodeStore {
  const known = new Map<string, ImageCode>()
  const size = tokens * 2 + embedding * 4
  const room = Math.floor(memory / size)
  const remember = (key: string | undefined, code: ImageCode) => {
    if (key === undefined || room === 0) return
    known.delete(key)
    known.set(key, code)
    if (known.size > room) known.delete(known.keys().next().value!)
  }

  return {
    async get(requests, keep, options = {}) {
      const answers: (ImageCode | Warning | undefined)[] = requests.map(() => undefined)
      const places = requests.map(placeOf)
      const hashes: (string | undefined)[] = []
      for (const [i, place] of places.entries()) {
        const code = place === undefined ? undefined : known.get(place)
        if (!code) continue
        answers[i] = code
        remember(place, code)
      }
      if (read.length > 0) {
        await Promise.all(
          requests.map(async (request, i) => {
            if (answers[i]) return
            try {
              hashes[i] = await hashImage(request, { ...limits, ...options })
            } catch (error) {
              answers[i] = refused(error, request)
            }
          }),
        )
        for (const codes of read) {
          const open = requests.flatMap((_, i) => (answers[i] ? [] : [i]))
          if (open.length === 0) break
          const found = await codes.get(open.map((i) => hashes[i]!))
          for (const [n, i] of open.entries()) if (found[n]) remember(places[i], (answers[i] = found[n]))
        }
      }
      const missing = requests.flatMap((_, i) => (answers[i] ? [] : [i]))
      if (missing.length > 0) {
        const made = await encode(
          missing.map((i) => requests[i]!),
          options,
        )
        const fresh: { hash: string; code: ImageCode }[] = []
        for (const [n, i] of missing.entries()) {
          const answer = (answers[i] = made[n]!)
          if (!isCode(answer)) continue
          remember(places[i], answer)
          if (hashes[i] !== undefined && keep(i)) fresh.push({ hash: hashes[i], code: answer })
        }
        // Without room on the disk they are made again next time.
        if (write && fresh.length > 0) await write.put(fresh).catch(() => undefined)
      }
      return answers as (ImageCode | Warning)[]
    },
  }
}

/** What names an image without its content being read; bytes and pixels have no such name. */
function placeOf({ source, box }: ImageRequest): string | undefined {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined
  return `${source instanceof URL ? source.href : source}${box ? JSON.stringify(box) : ''}`
}

/** An image's own fault; anything else ends the work. */
export function refused(error: unknown, { source }: ImageRequest): Warning {
  if (!isLookalikeError(error) || !error.code.startsWith('image/') || error.code === 'image/decoder-missing')
    throw error
  return toWarning(error, { source: describeSource(source) })
}
