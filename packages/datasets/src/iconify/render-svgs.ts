import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LookalikeError } from '@lookalike/core'

/** One drawing to render. */
export interface SvgJob {
  /** Where the PNG goes. */
  readonly file: string
  /** Called only when the file is not there yet; undefined where there is no such drawing. */
  svg(): string | undefined
}

/** Enough to keep every core busy while files are written. */
const CONCURRENCY = 8

/**
 * Renders drawings to `size` x `size` PNG files, centred on white; files that exist are left as they are. Each file
 * appears whole or not at all, so an interrupted run is continued by the next one.
 */
export async function renderSvgs(jobs: readonly SvgJob[], size: number, signal?: AbortSignal): Promise<void> {
  const present = new Map<string, Set<string>>()
  for (const folder of new Set(jobs.map((job) => dirname(job.file)))) present.set(folder, await makeFolder(folder))
  const missing = jobs.filter((job) => !present.get(dirname(job.file))!.has(basename(job.file)))
  if (missing.length === 0) return
  const { default: sharp } = await import('sharp')
  let next = 0
  const work = async () => {
    while (next < missing.length) {
      signal?.throwIfAborted()
      const job = missing[next++]!
      let png: Buffer
      try {
        const svg = job.svg()
        if (svg === undefined) throw new Error('the icon set has no drawing of that name')
        png = await sharp(Buffer.from(svg))
          .resize(size, size, { fit: 'contain', background: '#fff' })
          .flatten({ background: '#fff' })
          .png()
          .toBuffer()
      } catch (cause) {
        throw new LookalikeError(
          'dataset/render-failed',
          {
            problem: `The drawing for ${basename(job.file)} cannot be rendered: ${(cause as Error).message}`,
            fix: 'Install its icon package again',
          },
          { fields: { file: job.file }, cause },
        )
      }
      await writeWhole(job.file, png)
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, missing.length) }, work))
}

async function makeFolder(folder: string): Promise<Set<string>> {
  try {
    await mkdir(folder, { recursive: true })
    return new Set(await readdir(folder))
  } catch (cause) {
    throw unwritable(folder, cause)
  }
}

async function writeWhole(file: string, data: Buffer): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.${process.pid}.part`)
  try {
    await writeFile(part, data)
    await rename(part, file)
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {})
    throw unwritable(file, cause)
  }
}

function unwritable(file: string, cause: unknown): LookalikeError {
  return new LookalikeError(
    'dataset/cache-unwritable',
    {
      problem: `Cannot write rendered images to ${file}: ${(cause as Error).message}`,
      fix: 'Free some space, or choose another cache folder',
    },
    { fields: { file }, cause },
  )
}
