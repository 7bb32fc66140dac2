import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Logger } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsoleLogger } from './console.js'
import { createJsonLinesLogger } from './json-lines.js'
import { createMlflowLogger } from './mlflow.js'
import { createTensorboardLogger } from './tensorboard.js'
import { startMlflowServer } from './testing/mlflow-server.js'
import { startWandbServer } from './testing/wandb-server.js'
import { createWandbLogger } from './wandb.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-loggers-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function log(logger: Logger) {
  const session = await logger.open({
    name: 'shop',
    folder,
    resumed: true,
    facts: { seed: 3, settings: { loss: { use: 'circle' } } },
  })
  await session.rewind?.(4)
  await session.log({ step: 5, figures: { loss: 0.125, 'validation/recall@1': 0.5 } })
  await session.log({ step: 300, figures: { loss: 1e-8 } })
  await session.close({ state: 'aborted', metrics: { 'recall@1': 0.75 } })
}

it('console: lines of text', async () => {
  const lines: string[] = []
  await log(createConsoleLogger({ every: 2 }, (line) => lines.push(line)))
  expect(lines).toEqual(['shop  step 5  loss 0.125  validation/recall@1 0.5', 'shop  aborted  recall@1 0.75'])
})

it('json-lines: one object a line', async () => {
  const file = path.join(folder, 'deep/all.jsonl')
  await log(createJsonLinesLogger(file))
  await log(createJsonLinesLogger(file))
  const lines = (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toHaveLength(10)
  expect(lines[2]).toMatchObject({ run: 'shop', step: 5, figures: { loss: 0.125, 'validation/recall@1': 0.5 } })
  expect(lines[4]).toMatchObject({ event: 'aborted', metrics: { 'recall@1': 0.75 } })
})

/** CRC-32C bit by bit, masked as the format says. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  crc = (crc ^ 0xffffffff) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Fields of a protocol buffer message by number. */
function fieldsOf(bytes: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const take = (length: number) => bytes.subarray(at, (at += length))
    const read: Readonly<Record<number, () => number | Buffer>> = {
      0: varint,
      1: () => take(8).readDoubleLE(),
      2: () => take(varint()),
      5: () => take(4).readFloatLE(),
    }
    const value = read[key % 8]!()
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value])
  }
  return fields
}

it('tensorboard: records with checksums that hold, events as its reader has them', async () => {
  expect(maskedCrc(Buffer.from('123456789'))).toBe((((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0)
  await log(createTensorboardLogger())
  const [name] = await readdir(path.join(folder, 'tensorboard'))
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\./)
  const bytes = await readFile(path.join(folder, 'tensorboard', name!))
  const events: object[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data))
    at += 16 + length
    const fields = fieldsOf(data)
    expect(fields.get(1)![0]).toBeGreaterThan(1.7e9)
    const [summary] = fields.get(5) ?? []
    const values = summary
      ? fieldsOf(summary as Buffer)
          .get(1)!
          .map((value) => fieldsOf(value as Buffer))
      : []
    events.push({
      step: fields.get(2)?.[0],
      version: fields.get(3)?.[0]?.toString(),
      restart: fields.has(7),
      figures: Object.fromEntries(values.map((value) => [String(value.get(1)![0]), value.get(2)![0]])),
    })
  }
  expect(events).toEqual([
    { step: undefined, version: 'brain.Event:2', restart: false, figures: {} },
    { step: 5, version: undefined, restart: true, figures: {} },
    { step: 5, version: undefined, restart: false, figures: { loss: 0.125, 'validation/recall@1': 0.5 } },
    { step: 300, version: undefined, restart: false, figures: { loss: Math.fround(1e-8) } },
    { step: 300, version: undefined, restart: false, figures: { 'final/recall@1': 0.75 } },
  ])
})

describe('mlflow', () => {
  it('makes an experiment and runs, and logs by its interface', async () => {
    const server = await startMlflowServer()
    process.env['MLFLOW_TRACKING_TOKEN'] = 'secret'
    try {
      await log(createMlflowLogger({ url: `${server.url}/`, experiment: "it's" }))
      await log(createMlflowLogger({ url: server.url, experiment: "it's" }))
      const paths = server.calls.map((call) => call.path)
      const run = ['runs/create', ...Array<string>(4).fill('runs/log-batch'), 'runs/update']
      expect(paths).toEqual(['experiments/create', ...run, 'experiments/create', 'experiments/search', ...run])
      expect(new Set(server.calls.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer secret']))
      const bodies = server.calls.map((call) => call.body)
      expect(bodies[1]).toMatchObject({ experiment_id: '1', run_name: 'shop' })
      expect(bodies[2]).toEqual({
        run_id: 'run-1',
        params: [
          { key: 'seed', value: '3' },
          { key: 'settings.loss.use', value: 'circle' },
        ],
      })
      expect(bodies[3]).toMatchObject({
        metrics: [
          { key: 'loss', value: 0.125, step: 5 },
          { key: 'validation/recall_at_1', value: 0.5, step: 5 },
        ],
      })
      expect(bodies[6]).toMatchObject({ run_id: 'run-1', status: 'KILLED' })
      server.fail = (at) => (at === 'runs/create' ? 503 : undefined)
      await expect(log(createMlflowLogger({ url: server.url }))).rejects.toMatchObject({ code: 'logger/mlflow' })
    } finally {
      delete process.env['MLFLOW_TRACKING_TOKEN']
      await server.close()
    }
  })

  it('needs to know where the server is, and says when it is not there', async () => {
    expect(() => createMlflowLogger()).toThrow('MLFLOW_TRACKING_URI')
    expect(() => createMlflowLogger({ url: 'file:///mlruns' })).toThrow('file:///mlruns')
    await expect(log(createMlflowLogger({ url: 'http://127.0.0.1:1' }))).rejects.toMatchObject({
      code: 'logger/mlflow',
    })
  })
})

describe('wandb', () => {
  afterEach(() => {
    delete process.env['WANDB_API_KEY']
  })

  it.each([0, 3600])('makes a run, streams its history and closes it; every %i seconds', async (interval) => {
    const server = await startWandbServer()
    process.env['WANDB_API_KEY'] = 'secret'
    try {
      await log(createWandbLogger({ url: `${server.url}/`, project: 'a shop', interval }))
      const [[id, run] = []] = [...server.runs]
      expect(id).toMatch(/^me\/a shop\/[a-z0-9]{8}$/)
      expect(run).toMatchObject({
        displayName: 'shop',
        config: { seed: { value: 3 }, settings: { value: { loss: { use: 'circle' } } } },
        history: [
          { _step: 5, loss: 0.125, 'validation/recall@1': 0.5 },
          { _step: 300, loss: 1e-8 },
        ],
        summary: { 'recall@1': 0.75 },
        exitcode: 1,
      })
      expect([...server.authorizations]).toEqual([`Basic ${Buffer.from('api:secret').toString('base64')}`])
      server.fail = (at) => (at.endsWith('file_stream') ? 429 : undefined)
      await expect(log(createWandbLogger({ url: server.url, interval }))).rejects.toMatchObject({
        code: 'logger/wandb',
        message: expect.not.stringContaining('secret') as unknown,
      })
    } finally {
      await server.close()
    }
  })

  it('needs a key, and an address that answers', async () => {
    expect(() => createWandbLogger()).toThrow('WANDB_API_KEY')
    process.env['WANDB_API_KEY'] = 'secret'
    expect(() => createWandbLogger({ url: 'file:///wandb' })).toThrow('file:///wandb')
    await expect(log(createWandbLogger({ url: 'http://127.0.0.1:1' }))).rejects.toMatchObject({ code: 'logger/wandb' })
  })
})
