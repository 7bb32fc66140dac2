import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { accuracyAndCost, readCosts } from './accuracy-and-cost.js'

it('tells what networks of a run and of its stages cost, with blanks where nothing is known', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'costs-'))
  const light = {
    name: 'light',
    metrics: { 'recall@1': 0.5 },
    millionMultiplications: 9.96,
    bytes: 1_234_567,
    milliseconds: 2.04,
  }
  try {
    expect(await readCosts(folder)).toEqual([])
    await mkdir(path.join(folder, 'student'))
    await writeFile(path.join(folder, 'student/costs.json'), JSON.stringify([light, { name: 'service', metrics: {} }]))
    const runs = await readCosts(folder)
    expect(runs).toMatchObject([{ stage: 'student', costs: [light, { name: 'service' }] }])
    const text = String(accuracyAndCost(runs))
    expect(text).toContain('<td>light</td><td>50.0</td><td>10.0</td><td>1,235</td><td>2.0</td>')
    expect(text).toContain('<td>service</td><td></td><td></td><td></td><td></td>')
    // One point alone is no picture.
    expect(text).not.toContain('<svg')
    await writeFile(
      path.join(folder, 'costs.json'),
      JSON.stringify([light, { ...light, name: 'mini', millionMultiplications: 70 }]),
    )
    expect(String(accuracyAndCost(await readCosts(folder)))).toContain('recall@1, % by million multiplications')
  } finally {
    await rm(folder, { recursive: true })
  }
})
