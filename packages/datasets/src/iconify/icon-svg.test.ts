import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { iconSvg } from './icon-svg.js'

/** A dark square in the box's top left quarter. */
const set = {
  box: { width: 8, height: 8, left: 0, top: 0 },
  icons: {
    corner: { body: '<path fill="currentColor" d="M0 0h4v4h-4z"/>' },
    wide: { body: '<path d="M0 0h16v8h-16z"/>', width: 16 },
    odd: { body: '<path d="M-4 -4h4v4h-4z"/>', left: -4, top: -4 },
  },
  aliases: {
    mirrored: { parent: 'corner', hFlip: true },
    again: { parent: 'mirrored', hFlip: true },
    fallen: { parent: 'corner', vFlip: true },
    turned: { parent: 'corner', rotate: 1 },
    tall: { parent: 'wide', rotate: 1 },
    orphan: { parent: 'nowhere' },
    snake: { parent: 'tail' },
    tail: { parent: 'snake' },
  },
}

/** Which quarters of the rendering are dark, from the top left, row by row. */
async function quarters(name: string): Promise<string> {
  const { data } = await sharp(Buffer.from(iconSvg(set, name, 8)!))
    .resize(8, 8, { fit: 'contain', background: '#fff' })
    .flatten({ background: '#fff' })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return [18, 22, 50, 54].map((at) => (data[at]! < 128 ? 'x' : '.')).join('')
}

describe('iconSvg', () => {
  it.each([
    ['corner', 'x...'],
    ['mirrored', '.x..'],
    ['again', 'x...'],
    ['fallen', '..x.'],
    ['turned', '.x..'],
    ['odd', 'x...'],
  ])('draws %s as %s', async (name, expected) => {
    expect(await quarters(name)).toBe(expected)
  })

  it('keeps the aspect inside the size', () => {
    expect(iconSvg(set, 'wide', 96)).toContain('width="96" height="48"')
    expect(iconSvg(set, 'tall', 96)).toContain('width="48" height="96"')
  })

  it('knows no drawing for unknown names, broken aliases and circles', () => {
    for (const name of ['unknown', 'orphan', 'snake', 'toString']) expect(iconSvg(set, name, 96)).toBeUndefined()
  })
})
