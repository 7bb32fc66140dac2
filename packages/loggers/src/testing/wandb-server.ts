import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface WandbServer {
  readonly url: string
  readonly runs: Map<string, WandbRun>
  readonly authorizations: Set<string | undefined>
  /** What the next calls meet instead of an answer. */
  fail: ((path: string) => number | undefined) | undefined
  close(): Promise<void>
}

export interface WandbRun {
  readonly displayName: string
  readonly config: unknown
  readonly history: Record<string, unknown>[]
  summary: unknown
  exitcode: number | undefined
}

interface Chunk {
  readonly offset: number
  readonly content: string[]
}

/** The part of the service that runs are logged to, as its open client (github.com/wandb/wandb, MIT) talks to it; refuses what differs. */
export async function startWandbServer(): Promise<WandbServer> {
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      const path = request.url ?? ''
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      stub.authorizations.add(request.headers.authorization)
      const status = stub.fail?.(path)
      if (status !== undefined) return void response.writeHead(status).end('<html>no</html>')
      const body = JSON.parse(text) as {
        query: string
        variables: { name: string; displayName: string; project: string; entity?: string; config: string }
        files?: Record<string, Chunk>
        complete?: boolean
        exitcode?: number
      }
      if (path === '/graphql') {
        const { name, displayName, project, entity = 'me', config } = body.variables
        const input = /upsertBucket\(input: \{([^}]*)\}\)/.exec(body.query)?.[1] ?? ''
        const given = [...input.matchAll(/(\w+): \$(\w+)/g)].map(([, field]) => field)
        if (given.join() !== 'name,displayName,modelName,entityName,config' || !/^[a-z0-9]{8}$/.test(name))
          return answer(200, { errors: [{ message: 'unknown argument' }], data: null })
        stub.runs.set(`${entity}/${project}/${name}`, {
          displayName,
          config: JSON.parse(config),
          history: [],
          summary: undefined,
          exitcode: undefined,
        })
        return answer(200, {
          data: { upsertBucket: { bucket: { name, project: { name: project, entity: { name: entity } } } } },
        })
      }
      const [, id = ''] = /^\/files\/(.+)\/file_stream$/.exec(path) ?? []
      const run = stub.runs.get(decodeURIComponent(id))
      if (!run) return answer(404, { error: 'run not found' })
      for (const [file, { offset, content }] of Object.entries(body.files ?? {})) {
        if (file === 'wandb-summary.json') run.summary = JSON.parse(content[0]!)
        else if (file !== 'wandb-history.jsonl' || offset !== run.history.length) return answer(400, { error: file })
        else run.history.push(...content.map((line) => JSON.parse(line) as Record<string, unknown>))
      }
      if (body.complete) run.exitcode = body.exitcode
      return answer(200, { exitcode: null, limits: {} })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stub: WandbServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    runs: new Map(),
    authorizations: new Set(),
    fail: undefined,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return stub
}
