export interface PackedPackage {
  readonly name: string
  readonly version: string
  /** The tarball. */
  readonly file: string
  /** Bytes. */
  readonly packed: number
  /** Bytes. */
  readonly unpacked: number
  /** What must not be published, or is missing. */
  readonly problems: readonly string[]
}

export const root: string
export function publicPackages(): {
  folder: string
  manifest: Record<string, unknown> & { name: string; version: string }
}[]
export function filesOf(tarball: string): Map<string, Buffer>
export function packPackages(target: string): Promise<PackedPackage[]>
