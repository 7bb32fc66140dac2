import { encodePng } from '@lookalike/image'
import { expect, it } from 'vitest'
import { fillBatch } from './fill-batch.js'

const preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
} as const

it('reads images within the limits of the config', async () => {
  const source = await encodePng({ data: new Uint8Array(4 * 4 * 3), width: 4, height: 4 })
  const job = { epoch: 0, slots: [{ place: 0, image: { source } }] }
  const settings = { preprocessing, edge: 4, seed: 0 }
  expect((await fillBatch(job, [], settings)).failed).toEqual([])
  expect((await fillBatch(job, [], { ...settings, limits: { maxPixels: 15 } })).failed).toMatchObject([
    { slot: 0, code: 'image/too-many-pixels' },
  ])
})
