import path from 'node:path'
import {
  createEmbeddings,
  definePlugin,
  type Embeddings,
  type Gallery,
  type GalleryCodes,
  type GalleryDescription,
  type GalleryEntry,
  type GallerySelection,
  type GalleryStore,
  matchesFilter,
  type OpenGalleryOptions,
  parseFilter,
  rowOf,
} from '@lookalike/core'
import {
  checkChanges,
  checkHeld,
  checkIds,
  checkItems,
  checkOpenOptions,
  checkQueries,
  checkUncertainty,
  checkVectors,
  closedGallery,
  filterKeys,
  findVectors,
  noSuchGallery,
  noSuchPage,
  readOnlyGallery,
  unknownImage,
  unknownKey,
} from '@lookalike/core/gallery'
import { z } from 'zod'
import { createVersions, type Versions } from './versions.js'

const options = z.strictObject({
  path: z.string().min(1).describe('The folder of its versions, from the config file.'),
})

declare module '@lookalike/core' {
  interface GalleryPlugins {
    'my-plugin': z.input<typeof options>
  }
}

interface Row {
  readonly entry: GalleryEntry
  /** The searched vector, then the members' in their order. */
  readonly vectors: readonly (readonly number[])[]
}

/** All of a gallery; never changed, only replaced. */
interface Contents extends GalleryDescription {
  readonly rows: Readonly<Record<string, Row>>
  /** Bytes in base64 by `reranker/key/hash`. */
  readonly codes: Readonly<Record<string, string>>
}

/** A gallery as JSON: small, slow, and complete. */
export function createStore(folder: string): GalleryStore {
  const versions = createVersions<Contents>(folder)
  return {
    specVersion: 'v1',
    name: folder,
    async describe() {
      const contents = (await versions.read())?.value
      return contents && { space: contents.space, dim: contents.dim, members: contents.members }
    },
    async open(opening = {}) {
      checkOpenOptions(opening)
      const { mode = 'write', space, dim, members = [] } = opening
      const found = await versions.read()
      if (found) checkHeld(folder, found.value, opening)
      else if (mode === 'read' || space === undefined || dim === undefined) throw noSuchGallery(folder)
      else await versions.change((there: Contents | undefined) => there ?? { space, dim, members, rows: {}, codes: {} })
      return openGallery(folder, versions, opening)
    },
  }
}

/** An open gallery at work: what it held when it was last read, and how it is read and changed. */
interface Access {
  readonly name: string
  readonly opening: OpenGalleryOptions
  last: Contents
  read(): Promise<Contents>
  change(work: (contents: Contents) => Contents): Promise<void>
  refresh(): Promise<boolean>
  close(): Promise<void>
}

async function createAccess(name: string, versions: Versions<Contents>, opening: OpenGalleryOptions): Promise<Access> {
  const first = (await versions.read())!
  let { version } = first
  let closed = false
  const checkOpen = () => {
    if (closed) throw closedGallery(name)
  }
  const access: Access = {
    name,
    opening,
    last: first.value,
    async read() {
      checkOpen()
      return (access.last = (await versions.read())!.value)
    },
    async change(work) {
      checkOpen()
      if (opening.mode === 'read') throw readOnlyGallery(name)
      access.last = await versions.change((contents: Contents | undefined) => work(contents!))
    },
    async refresh() {
      checkOpen()
      const found = (await versions.read())!
      checkHeld(name, found.value, { ...opening, members: undefined })
      const changed = found.version !== version
      ;({ version, value: access.last } = found)
      return changed
    },
    async close() {
      closed = true
    },
  }
  return access
}

async function openGallery(name: string, versions: Versions<Contents>, opening: OpenGalleryOptions): Promise<Gallery> {
  const root = path.resolve(opening.root ?? '.')
  const access = await createAccess(name, versions, opening)
  return {
    name,
    root,
    base: root,
    folder: name,
    warnings: [],
    capabilities: { approximate: false, filters: 'before', writers: 'many', transactions: true },
    get space() {
      return access.last.space
    },
    get dim() {
      return access.last.dim
    },
    get members() {
      return access.last.members
    },
    ...createLooks(access),
    ...createChanges(access),
    codes: (reranker, key) => createCodes(access, `${reranker}/${key}/`),
    prepare: async () => {},
    refresh: access.refresh,
    compact: async () => {},
    close: access.close,
  }
}

function select(name: string, { rows }: Contents, { filter, rejected }: GallerySelection): Row[] {
  const node = parseFilter(filter ?? {})
  const all = Object.values(rows)
  const known = new Set(all.flatMap(({ entry }) => Object.keys(entry.metadata ?? {})))
  for (const key of filterKeys(node)) if (all.length > 0 && !known.has(key)) throw unknownKey(name, key, known)
  return all.filter(
    ({ entry }) => (rejected === undefined || entry.rejected === rejected) && matchesFilter(entry.metadata, node),
  )
}

function matrix(name: string, contents: Contents, rows: readonly Row[], member?: string): Embeddings<'gallery'> {
  const { at, space, dim } = findVectors(name, contents, member)
  const data = rows.flatMap(({ vectors }) => vectors[at]!)
  return createEmbeddings({ data, rows: rows.length, dim, space, role: 'gallery' })
}

const membersOf = (name: string, contents: Contents, rows: readonly Row[]) =>
  Object.fromEntries(contents.members.map((member) => [member.name, matrix(name, contents, rows, member.name)]))

/** What changes nothing. */
function createLooks({
  name,
  read,
}: Access): Pick<Gallery, 'count' | 'get' | 'findSources' | 'page' | 'search' | 'vectors' | 'verify'> {
  return {
    count: async (selection = {}) => select(name, await read(), selection).length,
    get: async (ids) => {
      checkIds(ids)
      const { rows } = await read()
      return ids.map((id) => rows[keyOf(id)]?.entry)
    },
    findSources: async (sources) =>
      Object.values((await read()).rows).flatMap(({ entry }) =>
        entry.source !== undefined && sources.includes(entry.source) ? [entry] : [],
      ),
    async page({ after = '0', limit = 1000, withVectors, withMembers, signal, ...selection } = {}) {
      signal?.throwIfAborted()
      const start = Number(after)
      if (!Number.isInteger(start)) throw noSuchPage(name, after)
      const contents = await read()
      const all = select(name, contents, selection)
      const rows = all.slice(start, start + limit)
      return {
        entries: rows.map(({ entry }) => entry),
        embeddings: withVectors ? matrix(name, contents, rows) : undefined,
        members: withMembers ? membersOf(name, contents, rows) : undefined,
        next: start + limit < all.length ? `${start + limit}` : undefined,
      }
    },
    async search(queries, k, { filter, threshold = Infinity, includeRejected, withVectors, signal } = {}) {
      const contents = await read()
      const asked = checkQueries(contents, queries, k)
      const rows = select(name, contents, { filter, rejected: includeRejected ? undefined : false })
      return Array.from({ length: asked.rows }, (_, query) => {
        signal?.throwIfAborted()
        const vector = rowOf(asked, query)
        return rows
          .map(({ entry, vectors: [own = []] }) => ({
            entry,
            distance: 1 - own.reduce((sum, value, i) => sum + value * vector[i]!, 0),
            vector: withVectors ? Float32Array.from(own) : undefined,
          }))
          .filter(({ distance }) => distance <= threshold)
          .sort((a, b) => a.distance - b.distance)
          .slice(0, k)
      })
    },
    async vectors(ids, member) {
      checkIds(ids)
      const contents = await read()
      const rows = ids.map((id) => {
        const row = contents.rows[keyOf(id)]
        if (!row) throw unknownImage(name, id)
        return row
      })
      return matrix(name, contents, rows, member)
    },
    async verify() {
      const contents = await read()
      matrix(name, contents, Object.values(contents.rows))
    },
  }
}

function createChanges({ name, read, change }: Access): Pick<Gallery, 'add' | 'update' | 'remove' | 'rewrite'> {
  return {
    async add(items, given, { signal } = {}) {
      signal?.throwIfAborted()
      checkItems(items)
      const matrices = checkVectors(await read(), given, items.length)
      const added = items.map((item, i): [string, Row] => [
        keyOf(item.id),
        { entry: { ...item, rejected: item.rejected ?? false }, vectors: matrices.map((each) => [...rowOf(each, i)]) },
      ])
      await change((contents) => ({ ...contents, rows: { ...contents.rows, ...Object.fromEntries(added) } }))
    },
    async update(changes) {
      checkChanges(changes)
      await change((contents) => {
        const rows = { ...contents.rows }
        for (const { id, ...rest } of changes) {
          const row = rows[keyOf(id)]
          if (!row) throw unknownImage(name, id)
          const entry = { ...row.entry, ...rest, rejected: rest.rejected ?? row.entry.rejected }
          rows[keyOf(id)] = { ...row, entry }
        }
        return { ...contents, rows }
      })
    },
    async remove(ids) {
      checkIds(ids)
      let count = 0
      await change((contents) => {
        const rows = { ...contents.rows }
        for (const id of ids) delete rows[keyOf(id)]
        count = Object.keys(contents.rows).length - Object.keys(rows).length
        return { ...contents, rows }
      })
      return count
    },
    async rewrite({ space, dim, transform }, { signal } = {}) {
      signal?.throwIfAborted()
      const contents = await read()
      const rows = Object.entries(contents.rows)
      const own = rows.map(([, row]) => row)
      const entries = own.map(({ entry }) => entry)
      const members = membersOf(name, contents, own)
      const embeddings = matrix(name, contents, own)
      const made = await transform({ entries, members, embeddings })
      checkUncertainty(made.uncertainty, rows.length)
      const [fresh] = checkVectors({ space, dim, members: [] }, { embeddings: made.embeddings }, rows.length)
      const rewritten = rows.map(([key, { entry, vectors }], i): [string, Row] => {
        const now = { ...entry, uncertainty: made.uncertainty?.[i] ?? entry.uncertainty }
        return [key, { entry: now, vectors: [[...rowOf(fresh!, i)], ...vectors.slice(1)] }]
      })
      await change((now) => ({ ...now, space, dim, rows: Object.fromEntries(rewritten) }))
    },
  }
}

/** @param start of all keys of these codes */
function createCodes({ read, change }: Access, start: string): GalleryCodes {
  return {
    async get(hashes) {
      const { codes } = await read()
      return hashes.map((hash) => {
        const code = codes[start + hash]
        return code === undefined ? undefined : Uint8Array.from(Buffer.from(code, 'base64'))
      })
    },
    put: (given) =>
      change((contents) => {
        const fresh = given.map(({ hash, code }) => [start + hash, Buffer.from(code).toString('base64')])
        return { ...contents, codes: { ...contents.codes, ...Object.fromEntries(fresh) } }
      }),
    async missing(hashes) {
      const { codes } = await read()
      return hashes.filter((hash) => codes[start + hash] === undefined)
    },
    async retain(hashes) {
      let count = 0
      await change((contents) => {
        const all = Object.entries(contents.codes)
        const left = all.filter(([own]) => !own.startsWith(start) || hashes.has(own.slice(start.length)))
        count = all.length - left.length
        return { ...contents, codes: Object.fromEntries(left) }
      })
      return count
    },
  }
}

/** No id is a key that objects have of their own. */
const keyOf = (id: string): string => `id ${id}`

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'gallery',
  name: 'my-plugin',
  description: 'A gallery as JSON in a folder: small, slow, and complete.',
  options,
  create: (given, { folder }) => createStore(path.resolve(folder, given.path)),
})

export default [myPlugin]
