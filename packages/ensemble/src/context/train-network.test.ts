import { encodePng } from '@lookalike/image'
import { expect, it } from 'vitest'
import { createPixelSource } from './train-network.js'

it('reads images within the limits of the config', async () => {
  const source = await encodePng({ data: new Uint8Array(4 * 4 * 3), width: 4, height: 4 })
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
  expect(await createPixelSource([{ source }], preprocessing)([0])).toHaveLength(12)
  await expect(createPixelSource([{ source }], preprocessing, { maxPixels: 15 })([0])).rejects.toMatchObject({
    code: 'image/too-many-pixels',
  })
})
