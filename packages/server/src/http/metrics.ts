import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Service } from '../service/create-service.js'

export interface Metrics {
  readonly type: string
  text(): Promise<string>
  observe(route: string, method: string, status: number, seconds: number): void
  dispose(): void
}

/** What Prometheus asks for. */
export function createMetrics(service: Service, heldBytes: () => number, underWay: () => number): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'lookalike_' })
  const seconds = new Histogram({
    name: 'lookalike_request_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  const gauge = (name: string, help: string, value: () => number | Promise<number>) =>
    new Gauge({
      name: `lookalike_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set(await value())
      },
    })
  gauge('gallery_images', 'Images of the gallery, rejected ones included.', () => service.gallery.count())
  gauge('pool_ready', 'Processes that can embed.', () => service.pool.state().ready)
  gauge('pool_queued', 'Images that wait to be embedded.', () => service.pool.state().queued)
  gauge('pool_running', 'Images that are being embedded.', () => service.pool.state().running)
  gauge('body_bytes', 'Bytes of bodies that are held.', heldBytes)
  gauge('requests_under_way', 'Requests that are being answered.', underWay)
  let told = 0
  const replaced = new Counter({
    name: 'lookalike_pool_replaced_total',
    help: 'Processes that hung or crashed and were replaced.',
    registers: [registry],
    collect() {
      const now = service.pool.state().replaced
      replaced.inc(now - told)
      told = now
    },
  })
  return {
    type: registry.contentType,
    text: () => registry.metrics(),
    observe: (route, method, status, time) => seconds.observe({ route, method, status: String(status) }, time),
    dispose: () => registry.clear(),
  }
}
