import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Schemas } from '@qdrant/js-client-rest'
import { createOpenApiCheck } from './openapi-check.js'
import { type Filtered, fieldsOf, fits } from './stub-filter.js'

/** How an answer goes wrong: another status with its text, none at all, or the connection breaks before or after the work. */
export type Fault = { readonly status: number; readonly error: string } | 'hang' | 'break-before' | 'break-after'

export interface StubQdrant {
  readonly url: string
  /** Requests and answers that are not as Qdrant's description has them. */
  readonly violations: readonly string[]
  /** Operations since it began. */
  readonly operations: readonly string[]
  /** Names of collections. */
  collections(): string[]
  /** A collection that no gallery made. */
  addCollection(name: string, metadata?: Record<string, unknown>): void
  /** Makes requests go wrong. */
  setFault(fault: ((operation: string, body: unknown) => Fault | undefined) | undefined): void
  /** Points that a search without `exact` finds at most, as a graph does that misses some. Infinity: all. */
  setGraph(finds: number): void
  /** The key that requests need. */
  setKey(key: string | undefined): void
  points(collection: string): StubPoint[]
  /** What a collection, or the one of an alias, was made with. */
  config(collection: string): Schemas['CreateCollection']
  stop(): Promise<void>
  /** At the same address, with what was acknowledged. */
  start(): Promise<void>
}

export interface StubPoint extends Filtered {
  vector: Record<string, number[]>
  payload: Record<string, unknown>
}

interface Collection {
  readonly config: Schemas['CreateCollection']
  readonly points: Map<string | number, StubPoint>
  readonly indexes: Map<string, string>
}

class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** So much of Qdrant's HTTP API as a gallery needs, in memory. */
export async function startStubQdrant(): Promise<StubQdrant> {
  const find = createOpenApiCheck()
  const state = createState()
  const violations: string[] = []
  const operations: string[] = []
  let fault: ((operation: string, body: unknown) => Fault | undefined) | undefined
  let key: string | undefined
  let server: Server | undefined
  let port = 0

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stub')
    const text = await textOf(request)
    if (key !== undefined && request.headers['api-key'] !== key) {
      response.writeHead(401).end('Must provide an API key or an Authorization bearer token')
      return
    }
    const operation = find(request.method ?? '', pathname)
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const wrong = operation
      ? operation.checkRequest(searchParams, body)
      : `${request.method} ${pathname} is not among the operations`
    if (!operation || wrong !== undefined) {
      violations.push(wrong!)
      return answer(response, 400, { status: { error: wrong }, time: 0 })
    }
    operations.push(operation.id)
    const how = fault?.(operation.id, body)
    if (how === 'hang') return
    if (how === 'break-before') return void request.socket.destroy()
    let status = 200
    let said: unknown
    try {
      if (typeof how === 'object') throw new Refused(how.status, how.error)
      said = { result: state.run(operation.id, operation.collection, body, searchParams), status: 'ok', time: 0.001 }
    } catch (error) {
      status = error instanceof Refused ? error.status : 400
      said = { status: { error: (error as Error).message }, time: 0.001 }
    }
    if (how === 'break-after') return void request.socket.destroy()
    const wrongly = operation.checkAnswer(status, said)
    if (wrongly !== undefined) violations.push(wrongly)
    answer(response, status, said)
  }

  const stop = async () => {
    const stopped = new Promise<void>((resolve) => server?.close(() => resolve()))
    server?.closeAllConnections()
    await stopped
  }
  const start = async () => {
    server = createServer((request, response) => void handle(request, response))
    await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    violations,
    operations,
    collections: () => [...state.collections.keys()].sort(),
    addCollection: (name, metadata = {}) => {
      const config = { vectors: { size: 3, distance: 'Dot' as const }, metadata }
      state.collections.set(name, { config, points: new Map(), indexes: new Map() })
    },
    setFault: (given) => {
      fault = given
    },
    setGraph: (finds) => {
      state.graph = finds
    },
    setKey: (given) => {
      key = given
    },
    config: (collection) => state.find(collection).config,
    points: (collection) => [...state.find(collection).points.values()],
    stop,
    start,
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function createState() {
  const collections = new Map<string, Collection>()
  const aliases = new Map<string, string>()
  const state = { collections, aliases, graph: Infinity, find, run }

  function find(name: string): Collection {
    const found = collections.get(aliases.get(name) ?? name)
    if (!found) throw new Refused(404, `Not found: Collection \`${name}\` doesn't exist!`)
    return found
  }

  function run(operation: string, collection: string | undefined, body: unknown, query: URLSearchParams): unknown {
    const name = collection ?? ''
    const done = () => ({ operation_id: 1, status: query.get('wait') === 'true' ? 'completed' : 'acknowledged' })
    switch (operation) {
      case 'get_collections':
        return { collections: [...collections.keys()].map((each) => ({ name: each })) }
      case 'get_collection':
        return infoOf(find(name))
      case 'create_collection':
        return create(name, body as Schemas['CreateCollection'])
      case 'delete_collection':
        for (const [alias, of] of aliases) if (of === name) aliases.delete(alias)
        return collections.delete(name)
      case 'update_aliases':
        return changeAliases(collections, aliases, body as Schemas['ChangeAliasesOperation'])
      case 'create_field_index': {
        const { field_name, field_schema } = body as Schemas['CreateFieldIndex']
        find(name).indexes.set(field_name, field_schema as string)
        return done()
      }
      case 'upsert_points':
        upsert(find(name), (body as { readonly points: readonly Schemas['PointStruct'][] }).points)
        return done()
      case 'delete_points':
        for (const id of (body as Schemas['PointIdsList']).points) find(name).points.delete(id)
        return done()
      case 'batch_update':
        return (body as Schemas['UpdateOperations']).operations.map((each) => {
          setPayload(find(name), (each as Schemas['SetPayloadOperation']).set_payload)
          return done()
        })
      case 'get_points': {
        const { ids, with_payload = true, with_vector = false } = body as Schemas['PointRequest']
        return ids.flatMap((id) => {
          const point = find(name).points.get(id)
          return point ? [shown(point, with_payload, with_vector)] : []
        })
      }
      case 'scroll_points':
        return scroll(find(name), body as Schemas['ScrollRequest'])
      case 'count_points':
        return { count: filtered(find(name), (body as Schemas['CountRequest']).filter).length }
      case 'query_batch_points':
        return (body as Schemas['QueryRequestBatch']).searches.map((each) => search(find(name), each, state.graph))
      default:
        throw new Error(`The stub does not know ${operation}`)
    }
  }

  function create(name: string, config: Schemas['CreateCollection']): boolean {
    if (collections.has(name)) throw new Refused(409, `Wrong input: Collection \`${name}\` already exists!`)
    if (aliases.has(name))
      throw new Refused(
        400,
        `Wrong input: Can't create collection with name ${name}. Alias with the same name already exists`,
      )
    collections.set(name, { config, points: new Map(), indexes: new Map() })
    return true
  }

  return state
}

/** One after the other: what was done is not undone when the next one fails. */
function changeAliases(
  collections: ReadonlyMap<string, Collection>,
  aliases: Map<string, string>,
  { actions }: Schemas['ChangeAliasesOperation'],
): boolean {
  for (const action of actions) {
    if ('delete_alias' in action) aliases.delete(action.delete_alias.alias_name)
    if (!('create_alias' in action)) continue
    const { alias_name, collection_name } = action.create_alias
    if (!collections.has(collection_name))
      throw new Refused(404, `Not found: Collection \`${collection_name}\` doesn't exist!`)
    if (collections.has(alias_name)) throw new Refused(400, `Wrong input: Collection \`${alias_name}\` already exists!`)
    aliases.set(alias_name, collection_name)
  }
  return true
}

function infoOf({ config, points, indexes }: Collection): unknown {
  const types = [...indexes].map(([field, type]) => [field, { data_type: type, points: points.size }])
  return {
    status: 'green',
    optimizer_status: 'ok',
    segments_count: 1,
    points_count: points.size,
    payload_schema: Object.fromEntries(types),
    config: {
      params: { vectors: config.vectors ?? {}, shard_number: 1, replication_factor: 1, on_disk_payload: true },
      hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10000, ...config.hnsw_config },
      optimizer_config: {
        deleted_threshold: 0.2,
        vacuum_min_vector_number: 1000,
        default_segment_number: 0,
        flush_interval_sec: 5,
      },
      ...(config.quantization_config && { quantization_config: config.quantization_config }),
      ...(config.metadata && { metadata: config.metadata }),
    },
  }
}

function upsert({ config, points }: Collection, given: readonly Schemas['PointStruct'][]): void {
  const sizes = (config.vectors ?? {}) as Readonly<Record<string, { readonly size: number }>>
  for (const { id, vector } of given) {
    if (typeof id !== 'number' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
      throw new Refused(400, `Format error in JSON body: value ${id} is not a valid point ID`)
    for (const [name, values] of Object.entries(vector as Record<string, number[]>)) {
      if (!sizes[name]) throw new Refused(400, `Wrong input: Not existing vector name error: ${name}`)
      if (sizes[name].size !== values.length)
        throw new Refused(
          400,
          `Wrong input: Vector dimension error: expected dim: ${sizes[name].size}, got ${values.length}`,
        )
    }
  }
  for (const { id, vector, payload } of given) {
    const kept = Object.entries(vector as Record<string, number[]>).map(([name, values]) => [
      name,
      values.map((value) => Math.fround(value)),
    ])
    points.set(id, { id, vector: Object.fromEntries(kept), payload: structuredClone({ ...payload }) })
  }
}

function setPayload({ points }: Collection, { points: ids, payload }: Schemas['SetPayload']): void {
  for (const id of ids ?? []) {
    const point = points.get(id)
    if (!point) throw new Refused(404, `Not found: No point with id ${id} found`)
    Object.assign(point.payload, structuredClone(payload))
  }
}

/** As a server in its strict mode: no filter without an index. */
function filtered({ points, indexes }: Collection, filter: Schemas['CountRequest']['filter']): StubPoint[] {
  const all = [...points.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  if (!filter) return all
  for (const [field, type] of fieldsOf(filter as Schemas['Filter'])) {
    const there = indexes.get(field)
    if (there === undefined || (type !== undefined && there !== type))
      throw new Refused(400, `Bad request: Index required but not found for "${field}" of the type ${type}`)
  }
  return all.filter((point) => fits(filter as Schemas['Filter'], point))
}

function scroll(
  collection: Collection,
  { offset, limit, filter, with_payload = true, with_vector = false }: Schemas['ScrollRequest'],
): unknown {
  const after = (offset ?? '') as string | number
  const found = filtered(collection, filter).filter(({ id }) => after === '' || id >= after)
  const size = limit ?? 10
  return {
    points: found.slice(0, size).map((point) => shown(point, with_payload, with_vector)),
    next_page_offset: found[size]?.id ?? null,
  }
}

function search(
  collection: Collection,
  { query, using, filter, limit, params, with_payload = false, with_vector = false }: Schemas['QueryRequest'],
  graph: number,
): unknown {
  const values = query as readonly number[]
  const name = using ?? ''
  const found = filtered(collection, filter).flatMap((point) => {
    const vector = point.vector[name]
    if (!vector) return []
    if (vector.length !== values.length)
      throw new Refused(
        400,
        `Wrong input: Vector dimension error: expected dim: ${vector.length}, got ${values.length}`,
      )
    return [{ point, score: Math.fround(vector.reduce((sum, value, i) => sum + value * Math.fround(values[i]!), 0)) }]
  })
  const seen = (params as Schemas['SearchParams'] | undefined)?.exact ? found : found.slice(0, graph)
  const best = seen.sort((a, b) => b.score - a.score).slice(0, limit ?? 10)
  return { points: best.map(({ point, score }) => ({ ...shown(point, with_payload, with_vector), version: 0, score })) }
}

function shown(
  { id, payload, vector }: StubPoint,
  withPayload: Schemas['PointRequest']['with_payload'],
  withVector: unknown,
) {
  const some = (all: Record<string, unknown>, wanted: unknown): Record<string, unknown> | undefined => {
    if (Array.isArray(wanted)) return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name)))
    return wanted === true ? all : undefined
  }
  const [shownPayload, shownVector] = [some(payload, withPayload), some(vector, withVector)]
  return { id, ...(shownPayload && { payload: shownPayload }), ...(shownVector && { vector: shownVector }) }
}
