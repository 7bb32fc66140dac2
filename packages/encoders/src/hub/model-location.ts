import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Where a model repository's files come from: a folder on disk, or a repository on a model hub. */
export type ModelLocation =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'hub'; readonly repository: string }

const REPOSITORY = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/

/**
 * Tells a folder from a repository's name. `owner/name` is a repository; what starts with `.`, `/` or `~`, a drive letter, or has
 * another shape is a folder, relative ones starting at `base`.
 */
export function modelLocation(model: string, base: string): ModelLocation {
  if (model.startsWith('~/')) return { kind: 'folder', folder: join(homedir(), model.slice(2)) }
  if (isAbsolute(model)) return { kind: 'folder', folder: model }
  if (REPOSITORY.test(model)) return { kind: 'hub', repository: model }
  return { kind: 'folder', folder: resolve(base, model) }
}
