import { definePlugin, type GalleryStore, type Plugin, SPEC_VERSION } from '@lookalike/core'
import { checkHeld, checkOpenOptions, noSuchGallery } from '@lookalike/core/gallery'
import { z } from 'zod'
import { readRevision } from './beside.js'
import { findHeld, makeHeld } from './held.js'
import { qdrantGallery } from './qdrant-gallery.js'
import { guarded, qdrantServer } from './qdrant-server.js'

const options = z.strictObject({
  collection: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be lower-case letters, digits and _, 64 at most')
    .default('gallery')
    .describe(
      "The gallery's alias; each has its own. The collections that it stands for have its name, a hyphen and more.",
    ),
  url: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The server: http://host:6333. Default: the environment's LOOKALIKE_QDRANT_URL. The key is LOOKALIKE_QDRANT_KEY.",
    ),
  exactBelow: z
    .number()
    .min(0)
    .default(20_000)
    .describe(
      "Up to this many images, searches compare all; from there on they use Qdrant's graph. 1e12, say: always all.",
    ),
  timeout: z.number().positive().max(3600).default(60).describe('Seconds that an answer of the server may take.'),
})
export type QdrantOptions = z.input<typeof options>

declare module '@lookalike/core' {
  interface GalleryPlugins {
    qdrant: QdrantOptions
  }
}

/**
 * A gallery as collections of a Qdrant server: many writers, filters before the search, more images than memory holds.
 *
 * @throws `gallery/options` for no server, or what is no address
 */
export function qdrantStore(given: QdrantOptions = {}): GalleryStore {
  const { collection: gallery, url, exactBelow, timeout } = options.parse(given)
  const server = qdrantServer(url, timeout)
  const name = `collection ${gallery} of ${server.name}`
  const connected = async () => ({ call: await server.connect(), name, gallery })

  return {
    specVersion: SPEC_VERSION,
    name,
    describe: () =>
      guarded(name, timeout, async () => {
        const held = await findHeld(await connected())
        return held && { space: held.space, dim: held.dim, members: held.members }
      }),
    async open(opening = {}) {
      checkOpenOptions(opening)
      opening.signal?.throwIfAborted()
      const { space, dim, members = [], mode } = opening
      return guarded(name, timeout, async () => {
        const place = await connected()
        const held =
          mode === 'read' || space === undefined || dim === undefined
            ? await findHeld(place)
            : await makeHeld(place, { space, dim, members })
        if (!held) throw noSuchGallery(name)
        checkHeld(name, held, opening)
        return qdrantGallery({ ...place, opening, exactBelow, seconds: timeout }, held, await readRevision(place))
      })
    },
  }
}

export const qdrantPlugin: Plugin<'gallery'> = definePlugin({
  specVersion: SPEC_VERSION,
  kind: 'gallery',
  name: 'qdrant',
  description:
    'Collections of a Qdrant server: many writers, filters before the search, more images than memory holds.',
  options,
  create: (given) => qdrantStore(given),
})
