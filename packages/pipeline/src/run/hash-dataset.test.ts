import type { Dataset, DatasetItem, Warning } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { hashDataset } from './hash-dataset.js'

const item = (id: string, change: Partial<DatasetItem> = {}): DatasetItem => ({
  id,
  source: Uint8Array.of(1, 2, 3),
  label: 'l',
  split: 'train',
  isQuery: true,
  isGallery: true,
  ...change,
})
const dataset = (items: DatasetItem[], change: Partial<Dataset> = {}): Dataset => ({
  specVersion: 'v1',
  name: 'd',
  items,
  ...change,
})

describe('hashDataset', () => {
  it('depends on items, order, triples and pixels, and not on names or other parts', async () => {
    const base = [item('a'), item('b')]
    const triple = { reference: 'a', a: 'b', b: 'a', closer: 'a', split: 'train' } as const
    const hashes = await Promise.all(
      [
        dataset(base),
        dataset([item('b'), item('a')]),
        dataset([item('a', { label: 'm' }), item('b')]),
        dataset([item('a', { box: { x: 0, y: 0, width: 1, height: 0.5 } }), item('b')]),
        dataset([item('a', { source: Uint8Array.of(9) }), item('b')]),
        dataset([item('a', { isQuery: false }), item('b')]),
        dataset(base, { triples: [triple] }),
        dataset(base, { triples: [{ ...triple, closer: 'b' }] }),
      ].map((one) => hashDataset(one)),
    )
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/)
    expect(
      await hashDataset(dataset([...base, item('t', { split: 'test' })], { name: 'other' }), { splits: ['train'] }),
    ).toBe(hashes[0])
  })

  it('reads contents unless told not to, and reports what it cannot read', async () => {
    const warnings: Warning[] = []
    const gone = dataset([item('a', { source: 'no-such-file.png' })])
    const onWarning = (warning: Warning) => void warnings.push(warning)
    const without = await hashDataset(gone, { contents: false, onWarning })
    expect(warnings).toEqual([])
    expect(await hashDataset(gone, { onWarning })).not.toBe(without)
    expect(warnings).toMatchObject([{ code: 'image/not-found', fields: { id: 'a' } }])
  })
})
