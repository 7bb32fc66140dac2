import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { type ImageRequest, isLookalikeError, LookalikeError, type Model, type OperationOptions } from '@lookalike/core'
import { hashImage, imageId, type LeftOut, leftOutWarnings, listImages, readSource } from '@lookalike/image'
import type { TableWriter } from './vector-table.js'

/** Images that are embedded and written at a time. */
const CHUNK = 64

export interface EmbedIntoTableOptions extends OperationOptions {
  readonly embed: Model['embed']
  /** As what the vectors will be used. Default `gallery`. */
  readonly role?: 'query' | 'gallery' | undefined
  /** The folder that ids start at: an image's id is its path from there. Default: the working directory. */
  readonly root?: string | undefined
  /** The folder of the table, which sources start at. Default: the working directory. */
  readonly folder?: string | undefined
  /** Folders that are passed over, absolute. */
  readonly except?: readonly string[] | undefined
}

export interface EmbeddedIntoTable {
  readonly images: number
  /** Could not be read, or lies in a folder and was not tried. */
  readonly skipped: number
}

/**
 * Embeds image files, and those of folders, into a table. With a cache, an embedding that was interrupted costs nothing again.
 *
 * @param opened the table, once the first vectors say how long they are
 * @throws `embed/no-images`, `embed/nothing-readable`, `table/write`, the codes of image reading
 */
export async function embedIntoTable(
  paths: readonly string[],
  opened: (head: { readonly space: string; readonly dim: number }) => Promise<TableWriter>,
  options: EmbedIntoTableOptions,
): Promise<EmbeddedIntoTable> {
  const { embed, role = 'gallery', root = '.', folder = '.', signal, onProgress, onWarning } = options
  const { files, leftOut } = await findFiles(paths, options)
  for (const warning of leftOutWarnings(leftOut)) onWarning?.(warning)
  if (files.length === 0) throw noImages(paths)
  const from = await realpath(root)
  const to = path.resolve(folder)
  let writer: TableWriter | undefined
  let images = 0
  try {
    for (let start = 0; start < files.length; start += CHUNK) {
      signal?.throwIfAborted()
      const chunk = files.slice(start, start + CHUNK)
      const requests = await Promise.all(chunk.map(readOnce))
      const { embeddings, positions } = await embed(requests, role, { signal, onWarning })
      if (positions.length > 0) {
        writer ??= await opened(embeddings)
        const rows = Array.from(positions, (position) => {
          const file = chunk[position]!
          const { hash } = requests[position]!
          return {
            id: imageId(from, file),
            hash,
            source: path.relative(to, file).split(path.sep).join('/'),
          }
        })
        await writer.write(rows, embeddings.data)
        images += rows.length
      }
      onProgress?.({ phase: 'embed', done: start + chunk.length, total: files.length, unit: 'image' })
    }
    if (!writer) throw nothingReadable(files.length)
    await writer.close()
  } catch (error) {
    await writer?.abort()
    throw error
  }
  return { images, skipped: files.length - images + leftOut.length }
}

/** Read and hashed once. What cannot be read is left to the embedding, which says so. */
async function readOnce(source: string): Promise<ImageRequest> {
  try {
    const content = await readSource(source)
    return { source, content, hash: await hashImage({ source, content }) }
  } catch (error) {
    if (!isLookalikeError(error)) throw error
    return { source }
  }
}

async function findFiles(
  paths: readonly string[],
  { signal, except, onProgress }: EmbedIntoTableOptions,
): Promise<{ files: string[]; leftOut: LeftOut[] }> {
  const files = new Set<string>()
  const leftOut: LeftOut[] = []
  for (const given of paths) {
    const full = await realpath(given).catch((cause: unknown) => {
      throw new LookalikeError(
        'image/not-found',
        { problem: `There is nothing at ${path.resolve(given)}`, expected: 'image files or folders of them' },
        { fields: { path: path.resolve(given) }, cause },
      )
    })
    if (!(await stat(full)).isDirectory()) {
      files.add(full)
      continue
    }
    for await (const below of listImages(full, { signal, except, onLeftOut: (each) => leftOut.push(each) })) {
      files.add(path.join(full, below))
      if (files.size % 1000 === 0) onProgress?.({ phase: 'list', done: files.size, unit: 'image' })
    }
  }
  return { files: [...files], leftOut }
}

const noImages = (paths: readonly string[]) =>
  new LookalikeError('embed/no-images', {
    problem: `There are no images in ${paths.join(', ') || 'nothing'}`,
    expected: 'image files or folders of them',
  })

const nothingReadable = (count: number) =>
  new LookalikeError('embed/nothing-readable', {
    problem: `None of the ${count} images could be read`,
    fix: 'The warnings say why.',
  })
