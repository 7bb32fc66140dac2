import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createRegistry, type Dataset } from '@lookalike/core'
import { pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { greyImage, tempFolder, testContext } from '../test-support/temp-folder.js'
import { shardNames } from './shard-names.js'
import { webdataset } from './webdataset.js'

async function tar(files: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, Buffer.from(content))
  archive.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of archive) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

async function load(files: Readonly<Record<string, Uint8Array>>, options: object) {
  const context = testContext(tempFolder(files))
  const create = async () =>
    (await createRegistry([webdataset]).create(
      'dataset',
      { use: 'webdataset', ...options },
      { ...context, onWarning: context.warn, seed: 0 },
    )) as Dataset
  return { ...(await create()), create, folder: context.folder }
}

const picture = await greyImage(4, 3)

describe('webdataset', () => {
  it('makes one item of the files of one name, over shards and splits', async () => {
    const { items, create, folder } = await load(
      {
        'a-0.tar': await tar({
          'x/1.png': picture,
          'x/1.cls': '3\n',
          './2.PNG': picture,
          './2.cls': 'cat',
          'readme.md': '',
        }),
        'a-1.tar': await tar({ '3.seg.png': picture, '3.json': '{}', '3.jpg': picture, '3.cls': '3' }),
        'b.tgz': gzipSync(await tar({ '1.png': picture, '1.json': '{"label": ["cat", "dog"]}' })),
      },
      { train: 'a-{0..1}.tar', test: ['b.tgz'] },
    )
    expect(items.map(({ id, label, labels, split }) => [id, label, labels, split])).toEqual([
      ['a-0.tar#x/1', '3', undefined, 'train'],
      ['a-0.tar#2', 'cat', undefined, 'train'],
      ['a-1.tar#3', '3', undefined, 'train'],
      ['b.tgz#1', 'cat', ['cat', 'dog'], 'test'],
    ])
    expect(readFileSync(items[0]!.source as string)).toEqual(picture)
    const unpacked = () => readdirSync(join(folder, '.cache/webdataset'), { recursive: true }).sort()
    const before = unpacked()
    expect((await create()).items).toEqual(items)
    expect(unpacked()).toEqual(before)
    writeFileSync(join(folder, 'a-0.tar'), await tar({ '9.png': picture, '9.cls': 'new' }))
    expect((await create()).items[0]!.label).toBe('new')
  })

  it('writes nothing outside its cache, whatever the names say', async () => {
    const { items, folder } = await load(
      { 'a.tar': await tar({ '../../out.png': picture, '../../out.cls': 'a', '/abs.png': picture, '/abs.cls': 'b' }) },
      { files: 'a.tar', testShare: 1 },
    )
    for (const { source } of items) expect(source).toContain(join(folder, '.cache/webdataset'))
    expect(readdirSync(folder).sort()).toEqual(['.cache', 'a.tar'])
  })

  it.each([
    ['no class', async () => ({ 'a.tar': await tar({ '1.png': picture, '1.txt': 'a cat' }) }), 'dataset/label-missing'],
    [
      'a cut file',
      async () => ({ 'a.tar': (await tar({ '1.png': picture, '1.cls': 'a' })).subarray(0, 600) }),
      'dataset/bad-tar',
    ],
    ['no tar file', async () => ({ 'a.tar': Buffer.from('<html>'.repeat(200)) }), 'dataset/bad-tar'],
    ['no file', async () => ({}), 'dataset/unreadable'],
  ])('refuses %s by name', async (_, files, code) => {
    await expect(load(await files(), { files: 'a.tar', testShare: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining('a.tar') as unknown,
    })
  })

  it('takes the class from where it is told to', async () => {
    const shard = await tar({ '1.png': picture, '1.json': '{"breed": "beagle"}', '1.txt': 'dog' })
    for (const [label, found] of [
      ['breed', 'beagle'],
      ['txt', 'dog'],
      ['.txt', 'dog'],
    ])
      expect((await load({ 'a.tar': shard }, { files: 'a.tar', testShare: 1, label })).items[0]!.label).toBe(found)
  })

  it('writes ranges of names out', () => {
    expect(shardNames('a-{08..11}.tar')).toEqual(['a-08.tar', 'a-09.tar', 'a-10.tar', 'a-11.tar'])
    expect(shardNames(['{0..1}-{0..1}', 'b'])).toEqual(['0-0', '0-1', '1-0', '1-1', 'b'])
    for (const range of ['{3..1}', '{0..99999999}'])
      expect(() => shardNames(range)).toThrow(expect.objectContaining({ code: 'dataset/shards' }))
  })
})
