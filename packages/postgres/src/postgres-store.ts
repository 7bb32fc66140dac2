import path from 'node:path'
import {
  definePlugin,
  type GalleryStore,
  LookalikeError,
  type OpenGalleryOptions,
  type Plugin,
  SPEC_VERSION,
} from '@lookalike/core'
import { checkHeld, checkOpenOptions, noSuchGallery } from '@lookalike/core/gallery'
import { z } from 'zod'
import type { Database, DatabasePlace } from './database.js'
import { galleryError } from './database-errors.js'
import { serverPlace } from './pg-database.js'
import { embeddedPlace } from './pglite-database.js'
import { postgresGallery } from './postgres-gallery.js'
import { findHeld, makeHeld } from './schema.js'

/** What pgvector's `vector` holds. */
const MAX_DIM = 16_000
const URL_VARIABLE = 'LOOKALIKE_POSTGRES_URL'

const options = z.strictObject({
  table: z
    .string()
    .regex(
      /^(?!lookalike_)[a-z][a-z0-9_]{0,39}$/,
      'must be lower-case letters, digits and _, 40 at most, and not begin with lookalike_',
    )
    .default('gallery')
    .describe("The gallery's table; each has its own."),
  url: z
    .string()
    .min(1)
    .optional()
    .describe(
      `The server: postgres://user:password@host:port/database. Default: the environment's ${URL_VARIABLE}, where no password gets into a file.`,
    ),
  embedded: z
    .string()
    .min(1)
    .optional()
    .describe('Instead of a server: the folder of a database inside this process, from the config file.'),
  exactBelow: z
    .number()
    .min(0)
    .default(20_000)
    .describe(
      'Up to this many images, searches compare all; from there on they use an HNSW index. 1e12, say: always all.',
    ),
  half: z
    .boolean()
    .default(false)
    .describe('Whether the HNSW index has 16 bits a value: half the memory. Above 2,000 dimensions always.'),
})
export type PostgresOptions = z.input<typeof options>

declare module '@lookalike/core' {
  interface GalleryPlugins {
    postgres: PostgresOptions
  }
}

/**
 * A gallery as a table of PostgreSQL with pgvector: many writers, transactions, filters in SQL.
 *
 * @param folder where the path of an embedded database starts
 * @throws `gallery/options` for no server, or a server and a folder
 */
export function postgresStore(given: PostgresOptions = {}, folder = '.'): GalleryStore {
  const { table, url, embedded, exactBelow, half } = options.parse(given)
  const place = placeOf(url, embedded, folder)
  const name = `table ${table} of ${place.name}`

  /** @param make false gives undefined where there is no database yet */
  const connected = async <T>(make: boolean, work: (database: Database) => Promise<T>) => {
    let database: Database | undefined
    try {
      database = await place.connect(make)
      return database && { database, result: await work(database) }
    } catch (error) {
      await database?.close()
      throw galleryError(name, error)
    }
  }

  return {
    specVersion: SPEC_VERSION,
    name,
    async describe() {
      const found = await connected(false, (database) => findHeld(database, name, table))
      await found?.database.close()
      return found?.result && { space: found.result.space, dim: found.result.dim, members: found.result.members }
    },
    async open(opening = {}) {
      checkOpenOptions(opening)
      checkDim(opening)
      opening.signal?.throwIfAborted()
      const { space, dim, members = [], mode } = opening
      const wanted = space === undefined || dim === undefined ? undefined : { space, dim, members }
      const found = await connected(mode !== 'read' && wanted !== undefined, async (database) => {
        const held =
          mode === 'read' ? await findHeld(database, name, table) : await makeHeld(database, name, table, wanted)
        if (!held) throw noSuchGallery(name)
        checkHeld(name, held, opening)
        return held
      })
      if (!found) throw noSuchGallery(name)
      const { database, result } = found
      return postgresGallery({ database, name, table, opening, exactBelow, half }, result)
    },
  }
}

function placeOf(given: string | undefined, embedded: string | undefined, folder: string): DatabasePlace {
  if (given !== undefined && embedded !== undefined)
    throw new LookalikeError('gallery/options', {
      problem: 'The gallery "postgres" has a "url" and an "embedded" database',
      expected: 'one of them',
    })
  if (embedded !== undefined) return embeddedPlace(path.resolve(folder, embedded))
  const url = given ?? process.env[URL_VARIABLE]
  if (url) return serverPlace(url)
  throw new LookalikeError('gallery/options', {
    problem: 'The gallery "postgres" has no server',
    expected: `a "url", ${URL_VARIABLE} in the environment, or the folder of an "embedded" database`,
  })
}

function checkDim({ dim = 1, members = [] }: OpenGalleryOptions): void {
  const longest = Math.max(dim, ...members.map((member) => member.dim))
  if (longest <= MAX_DIM) return
  throw new LookalikeError('gallery/options', {
    problem: `Vectors of ${longest} dimensions are too long for pgvector`,
    expected: `at most ${MAX_DIM}`,
    fix: 'Make them shorter: train a projection, or use a gallery in a folder.',
  })
}

export const postgresPlugin: Plugin<'gallery'> = definePlugin({
  specVersion: SPEC_VERSION,
  kind: 'gallery',
  name: 'postgres',
  description: 'A table of PostgreSQL with pgvector, on a server or inside this process: many writers, filters in SQL.',
  options,
  create: (given, { folder }) => postgresStore(given, folder),
})
