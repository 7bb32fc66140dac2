import { readFileSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { damaged } from './file-errors.js'
import { writeWhole } from './write-whole.js'

export const FORMAT_VERSION = 2

const MEMBER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** What a gallery is; its log begins with the same. */
export const identitySchema = z.strictObject({
  /** Random; the same in all files of a gallery, so that files of two galleries are not mixed. */
  gallery: z.uuid(),
  /** Names the files that count; a rewrite makes the next one. */
  generation: z.int().min(1),
  space: z.string().min(1),
  dim: z.int().min(1),
  members: z.array(
    z.strictObject({ name: z.string().regex(MEMBER_NAME), space: z.string().min(1), dim: z.int().min(1) }),
  ),
})

export type Manifest = z.infer<typeof identitySchema>

const fileSchema = z.strictObject({
  format: z.literal('lookalike-gallery'),
  version: z.literal(FORMAT_VERSION),
  ...identitySchema.shape,
  /** CRC-32 of everything above as compact JSON. */
  checksum: z.string(),
})

export const MANIFEST = 'gallery.json'

const checksumOf = (value: object) => crc32(JSON.stringify(value)).toString(16).padStart(8, '0')

/**
 * What a gallery's folder says about itself, undefined where there is no gallery.
 *
 * @throws `gallery/damaged` when it cannot be understood.
 */
export function readManifest(folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST)
  const expected = 'a gallery that this version wrote'
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw damaged(file, `cannot be read: ${(cause as Error).message}`, {}, { expected, cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(file, `is no JSON: ${(cause as Error).message}`, {}, { expected, cause })
  }
  const version = (value as { version?: unknown } | null)?.version
  if (typeof version === 'number' && version !== FORMAT_VERSION) {
    const by = version > FORMAT_VERSION ? 'a newer' : 'an older'
    throw damaged(file, `is of version ${version}, made by ${by} Lookalike`, { version }, { expected })
  }
  const parsed = fileSchema.safeParse(value)
  if (!parsed.success) throw damaged(file, 'is not the note of a gallery', {}, { expected, cause: parsed.error })
  const { checksum, ...rest } = parsed.data
  if (checksumOf({ format: rest.format, version: rest.version, ...inOrder(rest) }) !== checksum)
    throw damaged(file, 'is damaged: its checksum does not fit', {}, { expected })
  const { format: _, version: __, ...manifest } = rest
  return manifest
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const content = { format: 'lookalike-gallery', version: FORMAT_VERSION, ...inOrder(manifest) }
  const text = JSON.stringify({ ...content, checksum: checksumOf(content) }, undefined, 2)
  await writeWhole(path.join(folder, MANIFEST), `${text}\n`)
}

/** Checksums and comparisons need one order of the keys. */
export const inOrder = ({ gallery, generation, space, dim, members }: Manifest): Manifest => ({
  gallery,
  generation,
  space,
  dim,
  members: members.map((member) => ({ name: member.name, space: member.space, dim: member.dim })),
})

export const sameIdentity = (a: Manifest, b: Manifest): boolean =>
  JSON.stringify(inOrder(a)) === JSON.stringify(inOrder(b))
