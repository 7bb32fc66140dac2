import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Connection, Table } from '@lancedb/lancedb'
import { definePlugin, type GalleryStore, type OpenGalleryOptions, type Plugin, SPEC_VERSION } from '@lookalike/core'
import { checkHeld, checkOpenOptions, noSuchGallery } from '@lookalike/core/gallery'
import { lockFolder } from '@lookalike/gallery'
import { z } from 'zod'
import { type Held, newSchema, readHeld } from './held.js'
import { galleryError, isMissing } from './lance-errors.js'
import { lanceGallery } from './lance-gallery.js'
import { loadLance } from './load-lance.js'
import { withoutLeftovers } from './rewrite-table.js'

const options = z.strictObject({
  uri: z
    .string()
    .min(1)
    .default('lancedb')
    .describe(
      'A folder, from the config file, or a place in object storage: s3://bucket/path, gs://, az://. Keys come from the environment.',
    ),
  table: z
    .string()
    .regex(
      /^(?!lookalike_)[a-z][a-z0-9_]{0,63}$/,
      'must be lower-case letters, digits and _, 64 at most, and not begin with lookalike_',
    )
    .default('gallery')
    .describe("The gallery's table; each has its own."),
  exactBelow: z
    .number()
    .min(0)
    .default(20_000)
    .describe('Up to this many images, searches compare all; from there on they use an index. 1e12, say: always all.'),
  probed: z
    .number()
    .gt(0)
    .max(1)
    .default(0.3)
    .describe(
      'The share of the index that a search looks into, above 0 and up to 1. More is slower and more exact; 1 finds all.',
    ),
})
export type LanceOptions = z.input<typeof options>

declare module '@lookalike/core' {
  interface GalleryPlugins {
    lancedb: LanceOptions
  }
}

/**
 * A gallery as a table of LanceDB, in this process: files in a folder or in object storage, each change a version of the table.
 *
 * @param folder where a relative `uri` starts
 */
export function lanceStore(given: LanceOptions = {}, folder = '.'): GalleryStore {
  const { uri, table, exactBelow, probed } = options.parse(given)
  const local = /^[a-z0-9+]{2,}:\/\//i.test(uri) ? undefined : path.resolve(folder, uri)
  // Never more than the path: an address may have a key in it.
  const name = `table ${table} of ${local ?? uri.replace(/^([a-z0-9+]+:\/\/)[^/]*@/i, '$1').replace(/[?#].*/, '')}`

  const open = async (opening: OpenGalleryOptions | undefined): Promise<Opened | undefined> => {
    const { space, dim, members = [] } = opening ?? {}
    const wanted = opening?.mode === 'write' && space !== undefined && dim !== undefined
    if (local !== undefined && !wanted && !existsSync(path.join(local, `${table}.lance`))) return undefined
    const { connect } = await loadLance()
    const connection = await connect(local ?? uri)
    try {
      const rows = await openTable(connection, table)
      if (rows) return { connection, table: rows, held: await readHeld(name, rows) }
      if (!wanted) return void connection.close()
      const made = await connection.createEmptyTable(table, newSchema({ space, dim, members }))
      return { connection, table: made, held: await readHeld(name, made) }
    } catch (error) {
      connection.close()
      throw error
    }
  }

  return {
    specVersion: SPEC_VERSION,
    name,
    async describe() {
      try {
        const opened = await open(undefined)
        opened?.connection.close()
        return opened && { space: opened.held.space, dim: opened.held.dim, members: opened.held.members }
      } catch (error) {
        throw galleryError(name, error)
      }
    },
    async open(opening = {}) {
      checkOpenOptions(opening)
      opening.signal?.throwIfAborted()
      const { mode = 'write' } = opening
      const lock = mode === 'write' && local !== undefined ? await lockTable(local, table, opening) : undefined
      try {
        const opened = await open({ ...opening, mode })
        if (!opened) throw noSuchGallery(name)
        checkHeld(name, opened.held, opening)
        const held = mode === 'write' ? await withoutLeftovers(opened.table, name, opened.held) : opened.held
        const { connection, table: rows } = opened
        return lanceGallery(
          {
            connection,
            table: rows,
            name,
            opening,
            settings: { exactBelow, probed },
            warnings: lock?.warnings ?? [],
            check: () => lock?.check(),
            release: () => lock?.release(),
          },
          held,
        )
      } catch (error) {
        lock?.release()
        throw galleryError(name, error)
      }
    },
  }
}

interface Opened {
  readonly connection: Connection
  readonly table: Table
  readonly held: Held
}

async function openTable(connection: Connection, table: string): Promise<Table | undefined> {
  try {
    return await connection.openTable(table)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Where nothing would be made, nothing is to be locked. @throws `gallery/locked` */
async function lockTable(folder: string, table: string, { space }: OpenGalleryOptions) {
  const place = path.join(folder, `${table}.lock`)
  if (space === undefined && !existsSync(path.join(folder, `${table}.lance`))) return undefined
  mkdirSync(place, { recursive: true })
  return lockFolder(place)
}

export const lancePlugin: Plugin<'gallery'> = definePlugin({
  specVersion: SPEC_VERSION,
  kind: 'gallery',
  name: 'lancedb',
  description:
    'A table of LanceDB in this process, its files in a folder or in object storage: larger than memory, no server.',
  options,
  create: (given, { folder }) => lanceStore(given, folder),
})
