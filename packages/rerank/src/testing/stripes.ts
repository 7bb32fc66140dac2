import { createRandom, type Dataset, type DatasetItem, type RawImage } from '@lookalike/core'

/** Noisy stripes whose direction and width are the class; small enough to train on in a test. */
export function stripes(label: number, draw: number, size = 16): RawImage {
  const random = createRandom(`${label}/${draw}`)
  const angle = (label * Math.PI) / 5
  const shift = random.next() * 6
  const data = new Uint8Array(size * size * 3)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const wave = Math.sin((x * Math.cos(angle) + y * Math.sin(angle) + shift) * (1 + (label % 3) * 0.5))
      for (let c = 0; c < 3; c++)
        data[(y * size + x) * 3 + c] = Math.max(0, Math.min(255, 128 + 90 * wave + 25 * random.normal()))
    }
  }
  return { data, width: size, height: size }
}

export function stripesDataset(classes: number, images: number): Dataset {
  const items = Array.from({ length: classes * images }, (_, i): DatasetItem => {
    const label = Math.floor(i / images)
    return {
      id: `${label}/${i}`,
      source: stripes(label, i),
      label: `class ${label}`,
      split: 'train',
      isQuery: true,
      isGallery: true,
    }
  })
  return { specVersion: 'v1', name: 'stripes', items }
}
