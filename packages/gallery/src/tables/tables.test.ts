import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { isLookalikeError } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gridEmbed, gridEncoder, openShop, png } from '../testing/shop.js'
import { embedIntoTable } from './embed-into-table.js'
import { openTableWriter, streamTableWriter } from './open-table-writer.js'
import { type ReadTableOptions, readTable } from './read-table.js'
import type { TableRow } from './vector-table.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-tables-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const ROWS: TableRow[] = [
  { id: 'a, "b"\n\u0007.png', hash: 'ab'.repeat(32), metadata: { label: 'é', n: 1.5, ok: true } },
  { id: 'b', source: '../b.png', box: { x: 0, y: 0.25, width: 1, height: 0.5 }, uncertainty: 0.1, rejected: true },
  { id: 'c' },
]
const VECTORS = Float32Array.from([0.1, -2.5e-8, 3, 1 / 3, 0, -1e20])

const at = (name: string) => path.join(folder, name)

async function write(name: string, format: 'npy' | 'jsonl' | 'parquet' | 'safetensors') {
  const writer = await openTableWriter(at(name), { format, space: 'space "1"', dim: 2 })
  await writer.write(ROWS.slice(0, 2), VECTORS.subarray(0, 4))
  await writer.write(ROWS.slice(2), VECTORS.subarray(4))
  return writer.close()
}

async function read(name: string, options?: ReadTableOptions) {
  const rows: TableRow[] = []
  const numbers: number[] = []
  let space: string | undefined
  for await (const block of readTable(at(name), options)) {
    rows.push(...block.rows)
    numbers.push(...block.vectors)
    space = block.space
    expect(block.vectors).toHaveLength(block.rows.length * block.dim)
  }
  return { rows, numbers, space }
}

const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(isLookalikeError(error, 'table/unreadable')).toBe(true)
  return (error as Error).message
}

describe.each(['npy', 'jsonl', 'parquet'] as const)('%s', (format) => {
  it('gives back what was written', async () => {
    await write(`t.${format}`, format)
    expect(await read(`t.${format}`)).toEqual({ rows: ROWS, numbers: [...VECTORS], space: 'space "1"' })
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('leaves nothing at its place when it is given up, and an older file as it was', async () => {
    await writeFile(at(`t.${format}`), 'older')
    const writer = await openTableWriter(at(`t.${format}`), { format, space: 's', dim: 2 })
    await writer.write(ROWS, VECTORS)
    await writer.abort()
    expect(await readdir(folder)).toEqual([`t.${format}`])
    expect(await readFile(at(`t.${format}`), 'utf8')).toBe('older')
  })
})

it('what a writer left that was killed goes when the table is written again', async () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  await writeFile(at(`table.npy.${pid}-0a1b2c3d-0.tmp`), '')
  await write('table.npy', 'npy')
  expect((await readdir(folder)).sort()).toEqual(['table.ids.jsonl', 'table.npy'])
})

it('safetensors: the head, then the numbers', async () => {
  const files = await write('t.safetensors', 'safetensors')
  expect(files.map((file) => path.basename(file)).sort()).toEqual(['t.ids.jsonl', 't.safetensors'])
  const bytes = await readFile(at('t.safetensors'))
  const length = Number(bytes.readBigUInt64LE(0))
  expect(length % 8).toBe(0)
  const head = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, unknown>
  expect(head).toEqual({
    __metadata__: { format: 'lookalike-vectors', space: 'space "1"' },
    vectors: { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] },
  })
  expect([0, 1, 2, 3, 4, 5].map((i) => bytes.readFloatLE(8 + length + i * 4))).toEqual([...VECTORS])
  expect(bytes).toHaveLength(8 + length + 24)
})

it('npy: a head as NumPy writes it', async () => {
  await write('t.npy', 'npy')
  const bytes = await readFile(at('t.npy'))
  expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00')
  expect(bytes.readUInt16LE(8) + 10).toBe(128)
  expect(bytes.toString('latin1', 10, 128)).toMatch(
    /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 2\), \} +\n$/,
  )
})

it('reads half and double precision', async () => {
  const head = (type: string) =>
    `{'descr': '${type}', 'fortran_order': False, 'shape': (1, 4), }`.padEnd(117).concat('\n')
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0])
  const halves = Buffer.from(Uint16Array.from([0x3c00, 0xc100, 0x0001, 0x7bff]).buffer)
  await writeFile(at('h.npy'), Buffer.concat([start, Buffer.from(head('<f2')), halves]))
  await writeFile(at('h.ids.txt'), 'one id\n')
  const half = await read('h.npy')
  expect(half).toEqual({ rows: [{ id: 'one id' }], numbers: [1, -2.5, 2 ** -24, 65504], space: undefined })
  const doubles = Buffer.from(Float64Array.from([1, -2.5, 0.25, 7]).buffer)
  await writeFile(at('d.npy'), Buffer.concat([start, Buffer.from(head('<f8')), doubles]))
  await writeFile(at('other.jsonl'), '"x"\n')
  expect((await read('d.npy', { ids: at('other.jsonl') })).numbers).toEqual([1, -2.5, 0.25, 7])
})

it('writes JSON lines into a stream that is slow', async () => {
  const stream = new PassThrough({ highWaterMark: 16 })
  const lines: string[] = []
  stream.on('data', (part: Buffer) => lines.push(part.toString()))
  await streamTableWriter(stream, { space: 's', dim: 2 }).write(ROWS, VECTORS)
  const parsed = lines
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; vector: number[] })
  expect(parsed.map(({ id }) => id)).toEqual(ROWS.map(({ id }) => id))
  expect(Float32Array.from(parsed.flatMap(({ vector }) => vector))).toEqual(VECTORS)
})

describe('what does not fit is said', () => {
  it.each<[string, string, string]>([
    ['no.jsonl', '{"id":"a","vector":[1,2]}\n{"id":"b","vector":[1]}\n', 'a vector of 1 numbers in row 2'],
    ['bad.jsonl', '{"id":"a","vector":[1,2]}\n{"id":', 'line 2'],
    ['text.jsonl', '{"id":"a","vector":[1,"2"]}', 'line 1: vector.1'],
    ['none.jsonl', '{"id":"a"}', 'no vector in row 1'],
    ['x.npy', 'nothing of the kind', 'without its ids'],
    ['x.parquet', 'nothing of the kind', 'Parquet'],
    ['x.safetensors', '', 'is not read'],
  ])('%s', async (name, content, problem) => {
    await writeFile(at(name), content)
    expect(await failure(read(name))).toContain(problem)
  })

  it('a name of no format that is read', async () => {
    await expect(read('x.csv')).rejects.toMatchObject({
      code: 'table/format',
      message: expect.stringMatching(/ends in \.npy, \.jsonl, \.parquet(?!,)/) as unknown,
    })
  })

  it('an .npy file that is cut off, has other ids, or holds something else', async () => {
    await write('t.npy', 'npy')
    const bytes = await readFile(at('t.npy'))
    await writeFile(at('t.npy'), bytes.subarray(0, -4))
    expect(await failure(read('t.npy'))).toContain(`has ${bytes.length - 4} bytes`)
    await writeFile(at('t.npy'), bytes)
    await writeFile(at('few.txt'), 'a\n')
    expect(await failure(read('t.npy', { ids: at('few.txt') }))).toContain('has 1 ids')
    await writeFile(at('many.txt'), 'a\nb\nc\nd\n')
    expect(await failure(read('t.npy', { ids: at('many.txt') }))).toContain('more ids')
    for (const [from, to, problem] of [
      ["'<f4'", "'<i8'", 'type <i8'],
      ['False', 'True ', 'column by column'],
      ['(3, 2)', '(3, ) ', 'the shape (3)'],
      ['NUMPY', 'PUMPY', 'does not begin'],
    ] as const) {
      const text = bytes.toString('latin1').replace(from, to)
      await writeFile(at('t.npy'), Buffer.from(text, 'latin1'))
      expect(await failure(read('t.npy'))).toContain(problem)
    }
    await writeFile(at('t.npy'), bytes.subarray(0, 50))
    expect(await failure(read('t.npy'))).toContain('ends in its header')
  })

  it('a place that cannot be written', async () => {
    await writeFile(at('file'), '')
    const open = openTableWriter(at('file/t.npy'), { format: 'npy', space: 's', dim: 2 })
    await expect(open).rejects.toMatchObject({ code: 'table/write' })
  })
})

it('embeds files into a table, with the ids and hashes that a gallery gives them', async () => {
  const shop = await openShop()
  try {
    for (const name of ['a', 'b/c']) await shop.put(`photos/${name}.png`, await png(name))
    await shop.put('photos/broken.png', 'nothing')
    const gallery = await shop.open()
    await shop.index(gallery, 'photos')
    const warnings: string[] = []
    const done = await embedIntoTable(
      [path.join(shop.folder, 'photos')],
      (head) => openTableWriter(at('t.npy'), { format: 'npy', space: head.space, dim: head.dim }),
      { embed: gridEmbed, root: shop.folder, folder, onWarning: ({ code }) => warnings.push(code) },
    )
    expect(done).toEqual({ images: 2, skipped: 1 })
    expect(warnings).toEqual(['image/unsupported'])
    const { rows, numbers, space } = await read('t.npy')
    expect(space).toBe(gridEncoder.space)
    const { entries } = await gallery.page()
    expect(rows.map(({ id, hash }) => ({ id, hash }))).toEqual(entries.map(({ id, hash }) => ({ id, hash })))
    expect(path.resolve(folder, rows[0]!.source!)).toBe(path.join(shop.folder, 'photos/a.png'))
    expect(numbers.slice(0, 48)).toEqual([...(await gallery.vectors([entries[0]!.id])).data])
    const nothing = embedIntoTable(
      [path.join(shop.folder, 'photos/broken.png')],
      () => Promise.reject(new Error('no')),
      {
        embed: gridEmbed,
      },
    )
    await expect(nothing).rejects.toMatchObject({ code: 'embed/nothing-readable' })
  } finally {
    await shop.close()
  }
})
