import { isAbsolute, relative, resolve, sep } from 'node:path'

/** `path` resolved from `root`, or undefined where it leads out of it. */
export function pathInside(root: string, path: string): string | undefined {
  const full = resolve(root, path)
  const inside = relative(root, full)
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return undefined
  return full
}
