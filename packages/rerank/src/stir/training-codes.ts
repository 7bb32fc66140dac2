import path from 'node:path'
import { type DatasetItem, type ImageRequest, LookalikeError, type Warning } from '@lookalike/core'
import { createFolderCodes } from '@lookalike/gallery'
import { createCodeStore, isCode } from '../codes/code-store.js'
import type { ImageCode } from '../codes/image-code.js'
import { CACHED_TOKENS, createKeptCodes } from '../codes/kept-codes.js'
import type { PairScorer } from './create-pair-scorer.js'
import { tokensKey } from './load-pair-model.js'
import type { StirTraining } from './prepare-stir.js'

/** Images whose tokens are looked for and made at a time. */
const ENCODED_AT_ONCE = 256

/** What gives the tokens of training images: from the cache where it has them. */
export function createTrainingCodes(
  { bare, pair: { spec }, preprocessing, request: { images, signal }, operation: { onProgress } }: StirTraining,
  scorer: PairScorer,
  cacheFolder: string | undefined,
): (items: readonly DatasetItem[]) => Promise<ImageCode[]> {
  const tokens = spec.tokens[0] * spec.tokens[1]
  const { embedding } = spec
  const kept =
    cacheFolder === undefined || spec.fusion === 0
      ? undefined
      : createKeptCodes(
          createFolderCodes(path.join(cacheFolder, CACHED_TOKENS, tokensKey(bare, spec, preprocessing))),
          tokens,
          embedding,
        )
  const read = kept ? [kept] : []
  const store = createCodeStore(scorer.encode, { tokens, embedding, memory: 0, read, write: kept, limits: images })
  return async (items) => {
    const found: ImageCode[] = []
    for (let from = 0; from < items.length; from += ENCODED_AT_ONCE) {
      signal?.throwIfAborted()
      const requests = items.slice(from, from + ENCODED_AT_ONCE).map(requestOf)
      found.push(...(await store.get(requests, () => true, { signal })).map(readable))
      onProgress?.({ phase: 'encode for pairs', done: found.length, total: items.length, unit: 'image' })
    }
    return found
  }
}

/** The tokens as a network makes them now. */
export async function encodeItems(scorer: PairScorer, items: readonly DatasetItem[]): Promise<ImageCode[]> {
  return (await scorer.encode(items.map(requestOf))).map(readable)
}

const requestOf = ({ source, box }: DatasetItem): ImageRequest => ({ source, box })

/** Whatever could be embedded can be read. */
function readable(code: ImageCode | Warning): ImageCode {
  if (!isCode(code)) throw new LookalikeError(code.code, { problem: code.message }, { fields: code.fields })
  return code
}
