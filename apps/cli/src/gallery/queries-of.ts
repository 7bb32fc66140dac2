import { type Box, type ImageLimits, type ImageRequest, LookalikeError, type Warning } from '@lookalike/core'

interface Reading extends ImageLimits {
  readonly signal: AbortSignal
  readonly onWarning: (warning: Warning) => void
}

/**
 * The images to search by. Whoever types an address may name any, so it is read here. `-` is one from standard input; a crop is for a single image.
 *
 * @throws `cli/value`, `cli/stdin`, the codes of image reading where a crop in pixels needs the image's size.
 */
export async function queriesOf(
  given: readonly string[],
  crop: string | undefined,
  reading: Reading,
): Promise<ImageRequest[]> {
  const numbers = crop === undefined ? undefined : parseCrop(crop, given.length)
  const queries: ImageRequest[] = []
  for (const source of given) queries.push(await queryOf(source, reading))
  if (numbers) queries[0] = { ...queries[0]!, box: await boxOf(queries[0]!, numbers, reading) }
  return queries
}

async function queryOf(given: string, reading: Reading): Promise<ImageRequest> {
  if (given === '-') return { source: await readStdin(reading.signal) }
  if (!/^https?:/i.test(given)) return { source: given }
  const { readSource } = await import('@lookalike/image')
  return { source: given, content: await readSource(given, { ...reading, urls: 'any' }) }
}

function parseCrop(text: string, images: number): readonly [number, number, number, number] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const [x = -1, y = -1, width = 0, height = 0] = numbers
  const fits = numbers.length === 4 && numbers.every(Number.isFinite) && x >= 0 && y >= 0 && width > 0 && height > 0
  if (!fits) {
    throw new LookalikeError('cli/value', {
      problem: `--crop is ${text}`,
      expected: 'x,y,width,height: pixels such as 120,40,300,300, or shares such as 0.25,0,0.5,1',
    })
  }
  if (images !== 1)
    throw new LookalikeError('cli/value', { problem: `--crop came with ${images} images`, expected: 'one image' })
  return [x, y, width, height]
}

async function boxOf(
  query: ImageRequest,
  [x, y, width, height]: readonly [number, number, number, number],
  reading: Reading,
): Promise<Box> {
  if (x + width <= 1 && y + height <= 1) return { x, y, width, height }
  if (Math.max(x, y, width, height) <= 1) {
    throw new LookalikeError('cli/value', {
      problem: `--crop is ${[x, y, width, height].join(',')}, shares that leave the image`,
      expected: 'x + width and y + height of at most 1, or pixels such as 120,40,300,300',
    })
  }
  const { decodeImage } = await import('@lookalike/image')
  const size = await decodeImage(query, reading)
  if (x >= size.width || y >= size.height) {
    throw new LookalikeError('cli/value', {
      problem: `--crop begins at ${x}, ${y}; the image has ${size.width} x ${size.height} pixels`,
      expected: 'a part of the image',
    })
  }
  if (x + width > size.width || y + height > size.height) {
    reading.onWarning({
      code: 'cli/crop-cut',
      message: `--crop reaches beyond the image, which has ${size.width} x ${size.height} pixels: the part inside is searched by.`,
      fields: { x, y, width, height, image: { width: size.width, height: size.height } },
    })
  }
  return {
    x: x / size.width,
    y: y / size.height,
    width: Math.min(width, size.width - x) / size.width,
    height: Math.min(height, size.height - y) / size.height,
  }
}

async function readStdin(signal: AbortSignal): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw new LookalikeError('cli/stdin', {
      problem: 'Nothing is piped into standard input',
      expected: 'an image, as in: cat cat.jpg | lookalike search -',
    })
  }
  const parts: Uint8Array[] = []
  for await (const part of process.stdin as AsyncIterable<Uint8Array>) {
    signal.throwIfAborted()
    parts.push(part)
  }
  if (parts.length === 0) {
    throw new LookalikeError('cli/stdin', {
      problem: 'Standard input is empty',
      expected: 'an image, as in: cat cat.jpg | lookalike search -',
      fix: 'See whether the command before it failed.',
    })
  }
  return Buffer.concat(parts)
}
