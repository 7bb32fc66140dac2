import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { LookalikeError } from '../errors.js'
import { createRegistry } from './create-registry.js'
import { definePlugin, type Plugin } from './define-plugin.js'
import { guardInstance } from './guard-instance.js'
import type { Kind } from './kinds.js'

const DOWN = new Error('connect ECONNREFUSED 10.0.0.1:5432')
const fails = () => Promise.reject(DOWN)
const throws = (): never => {
  throw DOWN
}

/** What a plugin of a package from elsewhere makes, as a run gets it. */
async function made<T>(kind: Kind, instance: object, packageName = '@acme/things', signal?: AbortSignal): Promise<T> {
  const plugin = definePlugin({
    specVersion: 'v1',
    kind,
    name: 'far',
    description: 'A test.',
    options: z.strictObject({}),
    create: () => instance as never,
  }) as Plugin
  const registry = createRegistry([{ plugin, origin: { package: packageName, version: '1.2.3' } }])
  return (await registry.create(kind, 'far', { folder: '.', cacheFolder: '.', seed: 0, signal })) as T
}

type Calls = Record<string, (...given: unknown[]) => unknown>

const told = (kind: Kind, during: string) => ({
  code: 'plugin/failed',
  message: `The ${kind} "far" of @acme/things 1.2.3 failed in "${during}": connect ECONNREFUSED 10.0.0.1:5432. Check what it needs (a service, a file, memory); else report it to the authors of @acme/things.`,
  fields: { kind, plugin: 'far', package: '@acme/things', version: '1.2.3', during },
  cause: DOWN,
})

const CALLS: readonly (readonly [Kind, string, object])[] = [
  ['encoder', 'encode', { encode: fails }],
  ['encoder', 'dispose', { dispose: fails }],
  ['combiner', 'combineQuery', { combineQuery: fails }],
  ['combiner', 'baselines', { baselines: fails }],
  ['loss', 'bind', { bind: fails }],
  ['reranker', 'rerank', { rerank: fails }],
  ['reranker', 'prepare', { prepare: fails }],
  ['index', 'open', { open: fails }],
  ['gallery', 'describe', { describe: fails }],
  ['sampler', 'epoch', { epoch: throws }],
  ['augmentation', 'apply', { apply: throws }],
  ['trainer', 'train', { train: fails }],
  ['reporter', 'write', { write: fails }],
  ['logger', 'open', { open: fails }],
]

describe('what a plugin from elsewhere throws in a later call', () => {
  it.each(CALLS)('is told with the plugin: %s, %s', async (kind, during, instance) => {
    const plugin = await made<Calls>(kind, instance)
    await expect(async () => plugin[during]!()).rejects.toMatchObject(told(kind, during))
  })

  it.each([
    ['index', 'open', 'search', false],
    ['index', 'open', 'add', false],
    ['gallery', 'open', 'search', false],
    ['gallery', 'open', 'close', false],
    ['loss', 'bind', 'compute', false],
    ['logger', 'open', 'log', false],
    ['loss', 'bind', 'state', true],
  ] as const)('is told of what %s.%s gives: %s', async (kind, opens, during, sync) => {
    class Opened {
      readonly #rows = [1, 2]
      readonly size = 2
      get rows() {
        return this.#rows
      }
    }
    const opened = Object.assign(new Opened(), { [during]: sync ? throws : fails })
    const plugin = await made<Calls>(kind, { [opens]: async () => opened })
    const inner = (await plugin[opens]!()) as unknown as Calls & Opened
    expect(inner).toBeInstanceOf(Opened)
    expect([inner.size, inner.rows]).toEqual([2, [1, 2]])
    await expect(async () => inner[during]!()).rejects.toMatchObject(told(kind, during))
    if (sync) expect(() => inner[during]!()).toThrow('of @acme/things 1.2.3')
  })

  it('is told of iterators, whether they wait or not', async () => {
    const gallery = await made<{ pages(): AsyncIterable<number>; rows(): Iterable<number> }>('gallery', {
      async *pages() {
        yield 1
        throw DOWN
      },
      *rows() {
        yield 1
        throw DOWN
      },
    })
    const seen: number[] = []
    await expect(async () => {
      for await (const page of gallery.pages()) seen.push(page)
    }).rejects.toMatchObject(told('gallery', 'pages'))
    expect(() => {
      for (const row of gallery.rows()) seen.push(row)
    }).toThrow(expect.objectContaining(told('gallery', 'rows')))
    expect(seen).toEqual([1, 1])
  })

  it('is told of a dataset that reads its items as it goes', async () => {
    const lazy = await made<{ items: Iterable<number> }>('dataset', {
      get items() {
        return { *[Symbol.iterator]() { yield* [1, 2]; throw DOWN } } // biome-ignore format: one glance
      },
    })
    expect(() => [...lazy.items]).toThrow(expect.objectContaining(told('dataset', 'items')))
    const broken = await made<{ items: unknown }>('dataset', {
      get items() {
        return throws()
      },
    })
    expect(() => broken.items).toThrow(expect.objectContaining(told('dataset', 'items')))
  })

  it('is told of what lies in properties and lists', async () => {
    const encoder = await made<{ onnx: Calls }>('encoder', { onnx: { bytes: fails, input: 'x' } })
    await expect(encoder.onnx.bytes!()).rejects.toMatchObject(told('encoder', 'bytes'))
    const combiner = await made<{ queryEncoders: Calls[]; baselines(): Promise<{ combiner: Calls }[]> }>('combiner', {
      queryEncoders: [{ encode: fails }],
      baselines: async () => [{ name: 'plain', combiner: { combineQuery: fails } }],
    })
    expect(combiner.queryEncoders[0]).toBe(combiner.queryEncoders[0])
    await expect(combiner.queryEncoders[0]!.encode!()).rejects.toMatchObject(told('combiner', 'encode'))
    const [baseline] = await combiner.baselines()
    await expect(baseline!.combiner.combineQuery!()).rejects.toMatchObject(told('combiner', 'combineQuery'))
  })

  it('says what lies behind an error that says little', async () => {
    const says = async (error: unknown) => {
      const plugin = await made<Calls>('encoder', { encode: () => Promise.reject(error) })
      return plugin.encode!() as Promise<unknown>
    }
    await expect(says(new TypeError('fetch failed', { cause: DOWN }))).rejects.toThrow(
      ': fetch failed: connect ECONNREFUSED',
    )
    const everyAddress = Object.assign(new AggregateError([DOWN]), { code: 'ECONNREFUSED' })
    await expect(says(everyAddress)).rejects.toThrow(': ECONNREFUSED: connect ECONNREFUSED 10.0.0.1:5432.')
    await expect(says({ status: 503 })).rejects.toThrow('it does not say why')
    await expect(says(undefined)).rejects.toThrow('it does not say why')
    await expect(says('out of luck')).rejects.toThrow(': out of luck.')
  })
})

describe('guardInstance', () => {
  it('lets errors of Lookalike pass as they are', async () => {
    const own = new LookalikeError('image/corrupt', { problem: 'No image' })
    const plugin = await made<Calls>('encoder', { encode: () => Promise.reject(own) })
    await expect(plugin.encode!()).rejects.toBe(own)
  })

  it('lets whatever ends a stopped call pass as it is', async () => {
    const stop = new AbortController()
    const plugin = await made<Calls>('encoder', { encode: fails })
    const encoding = plugin.encode!({}, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(encoding).rejects.toBe(DOWN)
    await expect(plugin.encode!({}, {})).rejects.toMatchObject({ code: 'plugin/failed' })
    const whole = await made<Calls>('encoder', { encode: fails }, undefined, stop.signal)
    await expect(whole.encode!()).rejects.toBe(DOWN)
  })

  it('leaves what packages of this project make as it is', async () => {
    const instance = { encode: fails }
    const plugin = await made<Calls>('encoder', instance, '@lookalike/encoders')
    expect(plugin).toBe(instance)
    await expect(plugin.encode!()).rejects.toBe(DOWN)
  })

  it('leaves data as it is, however it is packed', async () => {
    const data = {
      data: new Float32Array(4),
      rows: 1,
      where: new URL('file:///x'),
      when: new Date(),
      set: new Set([1]),
    }
    const plugin = await made<Calls & { input: object }>('encoder', {
      input: data,
      encode: async () => data,
      all: () => [data],
    })
    expect(plugin.input).toBe(data)
    expect(await plugin.encode!()).toBe(data)
    expect((plugin.all!() as unknown[])[0]).toBe(data)
  })

  it('keeps what an object is: frozen ones, private fields, `this`, what changes, what is absent, a spread', async () => {
    class Index {
      #size = 0
      name = 'far'
      get size() {
        return this.#size
      }
      add(): number {
        this.name = 'farther'
        return ++this.#size
      }
      itself() {
        return this
      }
    }
    const index = await made<Index & { save?: unknown }>('index', Object.freeze(new Index()))
    expect(() => index.add()).toThrow('Cannot assign to read only property')
    const open = await made<Index & { save?: unknown }>('index', new Index())
    expect([open.add(), open.size, open.name, 'save' in open, open.save]).toEqual([1, 1, 'farther', false, undefined])
    expect(open.itself()).toBe(open)
    expect({ ...(await made<Calls>('loss', { a: 1, b: () => 2 })) }).toMatchObject({ a: 1, b: expect.any(Function) })
  })

  it('leaves alone what another plugin made', async () => {
    const inner = await made<Calls>('encoder', { encode: fails })
    const combiner = await made<{ queryEncoders: Calls[] }>('combiner', { queryEncoders: [inner] })
    expect(combiner.queryEncoders[0]).toBe(inner)
  })

  it('leaves what is no object as it is', () => {
    expect(guardInstance(undefined, (cause) => cause)).toBe(undefined)
  })
})
