import type { PackedPackage } from './pack-packages.mjs'

export interface PackageServer {
  readonly url: string
  /** Lines of an .npmrc that take Lookalike's packages from here and all others from where npm always takes them. */
  readonly npmrc: string
  close(): Promise<void>
}

export function servePackages(packages: readonly PackedPackage[]): Promise<PackageServer>
