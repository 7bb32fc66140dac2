import { LookalikeError, type Preprocessing } from '@lookalike/core'

/** A file of the folder, with what tells that it came whole. */
export interface ManifestFile {
  /** Relative to the folder, with forward slashes. */
  readonly file: string
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

/** `manifest.json` of a folder that `lookalike export model --for browser` writes. */
export interface Manifest {
  readonly version: 'v1'
  readonly name: string
  /** Of the vectors. */
  readonly space: string
  readonly dim: number
  readonly preprocessing: Preprocessing
  readonly model: ManifestFile & { readonly input: string; readonly output: string }
  /** What the model makes of `checkPattern`: a runtime that makes something else is not used. */
  readonly check: readonly number[]
  /** The folder of onnxruntime-web's files, ending in a slash; absent where the page brings its own. */
  readonly runtime?: { readonly folder: string; readonly webgpu: boolean } | undefined
  readonly gallery?: ManifestGallery | undefined
}

export interface ManifestGallery {
  readonly count: number
  /** The vectors as 8-bit numbers; see `readGalleryRows`. */
  readonly vectors: ManifestFile
  /** A list of `GalleryImage`. */
  readonly images: ManifestFile
}

/** An image of the small gallery. */
export interface GalleryImage {
  readonly id: string
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Relative to the folder. */
  readonly thumbnail?: string | undefined
}

/** @throws `browser/manifest` */
export function parseManifest(value: unknown, source: string): Manifest {
  const manifest = value as Partial<Manifest> | null
  const is = (kind: string, given: unknown) => typeof given === kind
  const isFile = (file: Partial<ManifestFile> | undefined) =>
    is('string', file?.file) && is('number', file?.bytes) && is('string', file?.sha256)
  const whole =
    manifest?.version === 'v1' &&
    is('string', manifest.name) &&
    is('string', manifest.space) &&
    is('number', manifest.dim) &&
    is('object', manifest.preprocessing) &&
    isFile(manifest.model) &&
    manifest.check?.length === manifest.dim &&
    (manifest.gallery === undefined || (isFile(manifest.gallery.vectors) && isFile(manifest.gallery.images)))
  if (whole) return manifest as Manifest
  throw new LookalikeError(
    'browser/manifest',
    {
      problem: `${source} is no manifest of a model for browsers`,
      expected: 'manifest.json of a folder that "lookalike export model FOLDER --for browser" wrote',
    },
    { fields: { source } },
  )
}
