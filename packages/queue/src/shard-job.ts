import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { createRealPaths, describeSource, type FoundImage, type SkippedImage } from '@lookalike/image'

/** What a job of the queue holds. */
export interface ShardJob {
  readonly run: string
  /** From 1. */
  readonly number: number
  /** As `packImages` makes it. */
  readonly images: string
}

/** What came of a job. */
export interface ShardResult {
  /** Who did it: host and process. */
  readonly worker: string
  /** Where the shard lies, for a gallery that is a folder. */
  readonly folder?: string | undefined
  readonly added: number
  readonly replaced: number
  readonly updated: number
  readonly unchanged: number
  readonly skipped: readonly SkippedImage[]
}

/** An image as it travels: files below the config's folder by their path from there, so that machines may keep it elsewhere. */
type Packed = Omit<FoundImage, 'source'> & { readonly source: string }

/**
 * Images as text: names in a listing are alike, and deflated they are a tenth.
 *
 * @param root the config's folder
 * @throws `queue/source` for images that are neither files nor URLs
 */
export function createPacker(root: string): (images: readonly FoundImage[]) => Promise<string> {
  const realPath = createRealPaths()
  const realRoot = realpath(root).catch(() => root)
  return async (images) => {
    const packed: Packed[] = []
    for (const image of images) {
      const text = image.source instanceof URL ? image.source.href : image.source
      if (typeof text !== 'string') throw noSource(image)
      packed.push({ ...image, source: isUrl(text) ? text : fromRoot(await realRoot, await realPath(text)) })
    }
    return deflateRawSync(JSON.stringify(packed)).toString('base64')
  }
}

/** The images of a job, their files as this machine finds them. */
export function unpackImages(packed: string, root: string): FoundImage[] {
  const images = JSON.parse(inflateRawSync(Buffer.from(packed, 'base64')).toString()) as Packed[]
  return images.map((image) => (isUrl(image.source) ? image : { ...image, source: path.resolve(root, image.source) }))
}

function fromRoot(root: string, file: string): string {
  const below = path.relative(root, file)
  return below.startsWith('..') || path.isAbsolute(below) ? file : below.split(path.sep).join('/')
}

const isUrl = (text: string) => /^[a-z][a-z0-9+.-]+:/i.test(text)

const noSource = ({ id, source }: FoundImage) =>
  new LookalikeError('queue/source', {
    problem: `The image ${JSON.stringify(id)} (${describeSource(source)}) is no file`,
    expected: 'images that workers can read for themselves: files, URLs',
  })
