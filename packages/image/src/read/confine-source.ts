import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { describeSource } from './describe-source.js'
import { isUrl } from './is-url.js'
import { isS3 } from './s3/s3-address.js'

/** What sources that data names may be. */
export interface ConfineOptions {
  /** Folder that relative paths start at, and that no path may leave. */
  readonly root: string
  /** Other folders whose files may be named, absolute, and what S3 addresses may begin with: `s3://bucket/prefix`. Default: none. */
  readonly paths?: readonly string[] | undefined
}

/**
 * The source that an entry of a table, a gallery or a request from outside names, as one that may be read: a path below
 * `root` or one of the other folders, made absolute, or an http or data URL as it is (`readSource` checks where those lead). Objects in S3 are read
 * with this process's credentials: only those that are named may be. Paths are compared as text; links inside a folder are its owner's.
 *
 * @throws `image/not-allowed` for `file:` URLs, other schemes, and paths that lead out of the folders
 *
 * @example
 * const source = confineSource(row.path, { root: folder })
 */
export function confineSource(source: string, { root, paths = [] }: ConfineOptions): string {
  if (/^(https?|data):/i.test(source)) return source
  if (isS3(source) && paths.some((allowed) => isS3(allowed) && beginsWith(source, allowed))) return source
  if (isUrl(source)) throw notAllowed(source, root, 'is a URL of a scheme that data may not name')
  const allowed = [path.resolve(root), ...paths.filter((each) => !isS3(each))]
  // A backslash parts folders on Windows alone, but the same data goes there.
  const readings = [source, source.replaceAll('\\', '/')].map((text) => path.resolve(root, text))
  const elsewhere = /^[\\/]{2}/.test(source) || /^[a-z]:/i.test(source)
  const inside =
    !source.includes('\0') &&
    readings.every((reading) => allowed.some((folder) => isBelow(reading, folder))) &&
    (!elsewhere || allowed.some((folder) => source.startsWith(folder)))
  if (!inside) throw notAllowed(source, root, 'leads out of')
  return readings[0]!
}

/** `s3://bucket/photos` names what lies in it, and not `s3://bucket/photos-of-others`. */
const beginsWith = (source: string, allowed: string) =>
  source === allowed || source.startsWith(allowed.endsWith('/') ? allowed : `${allowed}/`)

function isBelow(file: string, folder: string): boolean {
  const below = path.relative(folder, file)
  return below !== '' && below.split(path.sep)[0] !== '..' && !path.isAbsolute(below)
}

function notAllowed(source: string, root: string, problem: string): LookalikeError {
  const name = describeSource(source)
  return new LookalikeError(
    'image/not-allowed',
    {
      problem: problem === 'leads out of' ? `${name} leads out of ${root}` : `${name} ${problem}`,
      expected: `a path below ${root}, or an http address`,
      fix: `Where everyone who wrote this data is trusted, name the ${isS3(source) ? 'bucket' : 'folder'} in the config: images.paths.`,
    },
    { fields: { source: name, root } },
  )
}
