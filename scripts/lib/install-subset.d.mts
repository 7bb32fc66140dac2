import type { PackageServer } from './serve-packages.mjs'
import type { Subset } from './subsets.mjs'

export function installSubset(
  folder: string,
  subset: Subset,
  server: PackageServer,
  runtime?: readonly [program: string, ...options: string[]],
): Promise<{ readonly output: string }>
