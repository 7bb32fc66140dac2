import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRegistry, type Dataset, type PluginRef } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import plugins from './index.js'
import { tempFolder, testContext } from './test-support/temp-folder.js'

const text = readFileSync(fileURLToPath(new URL('../../../docs/file-formats-datasets.md', import.meta.url)), 'utf8')

/** The fenced examples below a heading, in order. */
function examples(heading: string): string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(heading))!
  return [...section.matchAll(/```\w+\n([\s\S]*?)```/g)].map((match) => match[1]!)
}

describe('docs/file-formats-datasets.md', () => {
  const load = (ref: PluginRef<'dataset'>, files: Readonly<Record<string, string>>): Promise<Dataset> => {
    const context = testContext(tempFolder(files))
    return createRegistry(plugins).create('dataset', ref, { ...context, onWarning: context.warn, seed: 0 })
  }

  it('shows CSV files that load', async () => {
    const [oml, table, config] = examples('A CSV of images') as [string, string, string]
    // The box of the first row needs its image; what is shown is the table.
    const { items } = await load({ use: 'csv', file: 'index.csv', boxes: false }, { 'index.csv': oml })
    expect(items.map(({ split, isQuery, isGallery }) => [split, isQuery, isGallery])).toEqual([
      ['train', true, true],
      ['validation', true, false],
      ['validation', false, true],
    ])
    const mapped = await load(JSON.parse(config) as { use: string }, { 'index.csv': table })
    expect(mapped.items.map(({ split, isQuery, category }) => [split, isQuery, category])).toEqual([
      ['train', true, 'Apple'],
      ['test', true, 'Apple'],
      ['test', false, 'Apple'],
    ])
  })

  it('shows triples and annotation rows that load', async () => {
    const [csv] = examples('Triples') as [string]
    const { triples } = await load({ use: 'triples', file: 't.csv' }, { 't.csv': csv })
    expect(triples!.map(({ closer, agreement, split }) => [closer, agreement, split])).toEqual([
      ['a', 0.75, 'train'],
      ['b', 1, 'test'],
    ])
    const [rows] = examples('Annotation rows') as [string]
    const annotated = await load({ use: 'triples', format: 'annotations', file: 't.txt' }, { 't.txt': rows })
    expect(annotated.triples).toHaveLength(6)
  })
})
