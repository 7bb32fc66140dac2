import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { isUrl } from '../gallery/gallery-source.js'
import { describeSource } from './describe-source.js'

/** What sources that data names may be. */
export interface ConfineOptions {
  /** Folder that relative paths start at, and that no path may leave. */
  readonly root: string
  /** `inside` the root, or `any` file of this machine. Default: `inside`. */
  readonly paths?: 'inside' | 'any' | undefined
}

/**
 * The source that an entry of a table, a gallery or a request from outside names, as one that may be read: a path below
 * `root` made absolute, or an http or data URL as it is (`readSource` checks where those lead). Paths are compared as text;
 * links inside the folder are its owner's.
 *
 * @throws `image/not-allowed` for `file:` URLs, other schemes, and paths that lead out of the folder
 *
 * @example
 * const source = confineSource(row.path, { root: folder })
 */
export function confineSource(source: string, { root, paths = 'inside' }: ConfineOptions): string {
  if (/^(https?|data):/i.test(source)) return source
  if (paths === 'any') return isUrl(source) ? source : path.resolve(root, source)
  if (isUrl(source)) throw notAllowed(source, root, 'is a URL of a scheme that data may not name')
  // A backslash parts folders on Windows alone, but the same data goes there.
  const parts = source.split(/[\\/]/)
  const folder = path.resolve(root)
  const resolved = path.resolve(folder, source)
  const leaves = path.relative(folder, resolved)
  const outside = leaves === '' || leaves.split(path.sep)[0] === '..' || path.isAbsolute(leaves)
  const elsewhere = /^[\\/]{2}/.test(source) || /^[a-z]:/i.test(source) || source.includes('\0')
  if (outside || (elsewhere && !source.startsWith(folder)) || climbs(parts))
    throw notAllowed(source, root, 'leads out of')
  return resolved
}

/** Whether a path goes above where it starts, at any point. */
function climbs(parts: readonly string[]): boolean {
  let depth = 0
  for (const part of parts) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) return true
  }
  return false
}

function notAllowed(source: string, root: string, problem: string): LookalikeError {
  const name = describeSource(source)
  return new LookalikeError(
    'image/not-allowed',
    {
      problem: problem === 'leads out of' ? `${name} leads out of ${root}` : `${name} ${problem}`,
      expected: `a path below ${root}, or an http address`,
      fix: 'Where everyone who wrote this data is trusted, allow it: images.paths "any" in the config.',
    },
    { fields: { source: name, root } },
  )
}
