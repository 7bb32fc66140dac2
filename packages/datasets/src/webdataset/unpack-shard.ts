import { createHash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import { extract } from 'tar-stream'
import { z } from 'zod'
import type { LoadContext } from '../load-context.js'

/** One image of a shard, and what stands beside it. */
const sampleSchema = z.object({
  key: z.string(),
  /** Of the unpacked image. */
  file: z.string(),
  /** Text files by their ending. */
  texts: z.record(z.string(), z.string()),
})
export type Sample = z.infer<typeof sampleSchema>

const PICTURE = /^(jpe?g|jfif|png|webp|avif|tiff?|gif|bmp|svg|heic|heif)$/
/** Larger texts are no classes. */
const LONGEST_TEXT = 2 ** 20
const INDEX = 'index.json'

/**
 * Unpacks the images of a shard into the cache, once: images are read again and again, and a tar file has no order to find them in. What is
 * written in the tar as a path is never one here. An unpacked shard has its index, which is written last.
 *
 * @throws `dataset/unreadable`, `dataset/bad-tar`
 */
export async function unpackShard(file: string, { cacheFolder, signal }: LoadContext): Promise<Sample[]> {
  const { size, mtimeMs } = await statOf(file)
  const hash = createHash('sha256').update(`${file}\n${size}\n${mtimeMs}`).digest('hex').slice(0, 16)
  const folder = path.join(cacheFolder, 'webdataset', `${path.basename(file).replace(/[^\w.-]/g, '_')}-${hash}`)
  const known = await readIndex(folder)
  if (known) return known
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const samples = await readTar(file, folder, signal)
  const unfinished = path.join(folder, `${INDEX}.tmp`)
  await writeFile(unfinished, JSON.stringify(samples), { flush: true })
  await rename(unfinished, path.join(folder, INDEX))
  return samples.map((sample) => ({ ...sample, file: path.join(folder, sample.file) }))
}

async function statOf(file: string): Promise<Stats> {
  try {
    return await stat(file)
  } catch (cause) {
    throw new LookalikeError(
      'dataset/unreadable',
      {
        problem: `The shard ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`,
        expected: 'a tar file',
      },
      { fields: { file }, cause },
    )
  }
}

async function readIndex(folder: string): Promise<Sample[] | undefined> {
  try {
    const samples = z.array(sampleSchema).parse(JSON.parse(await readFile(path.join(folder, INDEX), 'utf8')))
    return samples.map((sample) => ({ ...sample, file: path.join(folder, sample.file) }))
  } catch {
    return undefined
  }
}

async function readTar(file: string, folder: string, signal: AbortSignal | undefined): Promise<Sample[]> {
  const samples = new Map<string, { file?: string; readonly texts: Record<string, string> }>()
  const entries = extract()
  const packed = /\.(tgz|gz)$/i.test(file) ? [createGunzip()] : []
  pipeline([createReadStream(file), ...packed, entries], () => undefined)
  let images = 0
  try {
    for await (const entry of entries) {
      signal?.throwIfAborted()
      const { name, type, size = 0 } = entry.header
      const [, key, ending] = /^((?:.*\/)?[^/.]+)\.([^/]+)$/.exec(name.replace(/^\.\//, '')) ?? []
      if (type !== 'file' || key === undefined || ending === undefined) {
        entry.resume()
        continue
      }
      const kind = ending.toLowerCase()
      const sample = samples.get(key) ?? { texts: {} }
      samples.set(key, sample)
      const isPicture = PICTURE.test(kind) && sample.file === undefined
      if (!isPicture && size > LONGEST_TEXT) {
        entry.resume()
        continue
      }
      const chunks: Uint8Array[] = []
      for await (const chunk of entry) chunks.push(chunk as Uint8Array)
      const content = Buffer.concat(chunks)
      if (isPicture) {
        sample.file = `${String(images++).padStart(7, '0')}.${kind}`
        await writeFile(path.join(folder, sample.file), content)
      } else if (!PICTURE.test(kind)) sample.texts[kind] = content.toString('utf8')
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new LookalikeError(
      'dataset/bad-tar',
      {
        problem: `The shard ${file} cannot be read as a tar file: ${(cause as Error).message}`,
        expected: 'a whole tar file, or one packed with gzip',
        fix: 'Copy or download it again.',
      },
      { fields: { file }, cause },
    )
  }
  return [...samples].flatMap(([key, { file: picture, texts }]) => (picture ? [{ key, file: picture, texts }] : []))
}
