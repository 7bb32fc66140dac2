import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MlflowServer {
  readonly url: string
  readonly calls: {
    readonly path: string
    readonly body: Record<string, unknown>
    readonly authorization: string | undefined
  }[]
  /** What the next calls meet instead of an answer. */
  fail: ((path: string) => number | undefined) | undefined
  close(): Promise<void>
}

/** A tracking server that checks what it gets by MLflow's REST reference, and keeps it. */
export async function startMlflowServer(): Promise<MlflowServer> {
  const calls: MlflowServer['calls'] = []
  const experiments = new Map<string, string>()
  let runs = 0
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      const path = (request.url ?? '').replace('/api/2.0/mlflow/', '')
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      const bad = (message: string) => answer(400, { error_code: 'INVALID_PARAMETER_VALUE', message })
      if (request.method !== 'POST' || request.headers['content-type'] !== 'application/json') return bad('no JSON')
      const body = JSON.parse(text) as Record<string, unknown>
      calls.push({ path, body, authorization: request.headers.authorization })
      const status = stub.fail?.(path)
      if (status !== undefined) return void response.writeHead(status).end('<html>no</html>')
      if (path === 'experiments/create') {
        const name = body['name'] as string
        if (experiments.has(name)) return answer(400, { error_code: 'RESOURCE_ALREADY_EXISTS', message: name })
        experiments.set(name, String(experiments.size + 1))
        return answer(200, { experiment_id: experiments.get(name) })
      }
      if (path === 'experiments/search')
        return answer(200, { experiments: [...experiments].map(([name, experiment_id]) => ({ name, experiment_id })) })
      if (path === 'runs/create') {
        if (!Number.isInteger(body['start_time'])) return bad('start_time')
        return answer(200, { run: { info: { run_id: `run-${++runs}`, status: 'RUNNING' } } })
      }
      if (path === 'runs/log-batch') {
        const {
          run_id,
          metrics = [],
          params = [],
        } = body as {
          run_id?: string
          metrics?: { key: string; value: number; timestamp: number; step: number }[]
          params?: { key: string; value: string }[]
        }
        if (run_id === undefined || metrics.length > 1000 || params.length > 100) return bad('sizes')
        if ([...metrics, ...params].some(({ key }) => !/^[\w\-. /]{1,250}$/.test(key))) return bad('key')
        if (metrics.some(({ value, timestamp, step }) => ![value, timestamp, step].every(Number.isFinite)))
          return bad('metric')
        if (params.some(({ value }) => typeof value !== 'string' || value.length > 500)) return bad('param')
        return answer(200, {})
      }
      if (path === 'runs/update' && ['FINISHED', 'KILLED', 'FAILED'].includes(body['status'] as string))
        return answer(200, { run_info: {} })
      return answer(404, { error_code: 'ENDPOINT_NOT_FOUND', message: path })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stub: MlflowServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fail: undefined,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return stub
}
