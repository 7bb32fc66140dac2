import { existsSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'

const MEMBER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

const manifestSchema = z.object({
  format: z.literal('lookalike-gallery'),
  version: z.literal(1),
  /** Names the files that count; a rewrite makes the next one. */
  generation: z.int().min(1),
  space: z.string().min(1),
  dim: z.int().min(1),
  /** The folder that ids of image files start at, relative to the gallery, with forward slashes. */
  root: z.string().default('..'),
  members: z.array(
    z.strictObject({ name: z.string().regex(MEMBER_NAME), space: z.string().min(1), dim: z.int().min(1) }),
  ),
})

export type Manifest = z.infer<typeof manifestSchema>

export const MANIFEST = 'gallery.json'

/**
 * What a gallery's folder says about itself, undefined where there is no gallery.
 *
 * @throws `gallery/damaged` when it cannot be understood.
 */
export function readManifest(folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST)
  if (!existsSync(file)) return undefined
  const fail = (problem: string, cause?: unknown): never => {
    throw new LookalikeError(
      'gallery/damaged',
      {
        problem: `${file} ${problem}`,
        expected: 'a gallery that this version wrote',
        fix: 'Put the file back from a copy, or index the images again into a new folder.',
      },
      { fields: { path: file }, cause },
    )
  }
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    return fail(`cannot be read: ${(cause as Error).message}`, cause)
  }
  const version = (value as { version?: unknown } | null)?.version
  if (typeof version === 'number' && version > 1) return fail(`is of version ${version}, made by a newer Lookalike`)
  const parsed = manifestSchema.safeParse(value)
  return parsed.success ? parsed.data : fail('is not the note of a gallery', parsed.error)
}

/** Replaces the manifest in one step that survives a power cut. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = path.join(folder, MANIFEST)
  const handle = await open(`${file}.new`, 'w')
  try {
    await handle.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
  await syncFolder(folder)
}

/** Makes new and renamed names in a folder last. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
