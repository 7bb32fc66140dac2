import path from 'node:path'
import { definePlugin, type GalleryStore, type Plugin, SPEC_VERSION } from '@lookalike/core'
import { z } from 'zod'
import { io } from '../store/file-errors.js'
import { findGallery } from '../store/generations.js'
import { openGallery } from './open-gallery.js'

const options = z.strictObject({
  path: z.string().min(1).describe('Its folder, from the config file.'),
  acceptLoss: z
    .boolean()
    .default(false)
    .describe(
      'Whether to go on with what is left where the log has lost its end. Set it once, after reading the error.',
    ),
})
export type FolderStoreOptions = z.input<typeof options>

/**
 * A gallery as a folder of this machine: one writer, many readers, everything that is searched in memory.
 *
 * @param folder absolute, or from the working directory
 */
export function folderStore(folder: string, { acceptLoss }: Pick<FolderStoreOptions, 'acceptLoss'> = {}): GalleryStore {
  return {
    specVersion: SPEC_VERSION,
    name: folder,
    folder: path.resolve(folder),
    async describe() {
      const found = await io(folder, () => findGallery(folder))
      return found && { space: found.manifest.space, dim: found.manifest.dim, members: found.manifest.members }
    },
    open: (opening) => openGallery(folder, { ...opening, acceptLoss }),
  }
}

declare module '@lookalike/core' {
  interface GalleryPlugins {
    local: FolderStoreOptions
  }
}

export const localPlugin: Plugin<'gallery'> = definePlugin({
  specVersion: SPEC_VERSION,
  kind: 'gallery',
  name: 'local',
  description: 'A folder of this machine: one writer, many readers, searched in memory.',
  options,
  create: ({ path: relative, ...rest }, { folder }) => folderStore(path.resolve(folder, relative), rest),
})
