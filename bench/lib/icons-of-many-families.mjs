import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import sharp from 'sharp'

const FAMILIES = 5
const EDGE = 96

/**
 * Names that five or more families of icons draw, with five drawings of each: one a family, drawn by seed. A family is an author, whose sets share their
 * drawings. Neither the sets of emoji nor the names that they have are among them: encoders of this project were trained on some.
 *
 * @param {string} folder of the npm package `@iconify/json`
 * @returns {Promise<{ source: Uint8Array, label: string }[]>} PNG, the longer edge 96, on white, black where an icon has no colour of its own
 */
export async function iconsOfManyFamilies(folder, { names: most = 1000, seed = 0 } = {}) {
  const collections = JSON.parse(await readFile(path.join(folder, 'collections.json'), 'utf8'))
  const drawn = new Map()
  const emoji = new Set()
  for (const [prefix, { name: title, category, author }] of Object.entries(collections)) {
    const set = JSON.parse(await readFile(path.join(folder, 'json', `${prefix}.json`), 'utf8'))
    const isEmoji = category === 'Emoji' || /moji|noto/i.test(`${prefix} ${title}`)
    for (const [name, icon] of Object.entries(set.icons)) {
      if (isEmoji) emoji.add(name)
      const svg = isEmoji ? undefined : draw(icon, set)
      if (svg === undefined) continue
      if (!drawn.has(name)) drawn.set(name, new Map())
      if (!drawn.get(name).has(author.name)) drawn.get(name).set(author.name, svg)
    }
  }
  const random = createRandom(seed)
  const names = [...drawn.keys()].filter((name) => drawn.get(name).size >= FAMILIES && !emoji.has(name)).sort()
  const icons = Array.from(random.permutation(names.length).slice(0, most), (i) => names[i]).flatMap((label) => {
    const svgs = [...drawn.get(label).values()]
    return Array.from(random.permutation(svgs.length).slice(0, FAMILIES), (i) => ({ svg: svgs[i], label }))
  })
  return Promise.all(
    icons.map(async ({ svg, label }) => ({
      source: await sharp(Buffer.from(svg)).flatten({ background: 'white' }).png().toBuffer(),
      label,
    })),
  )
}

/** Undefined for what moves, which starts empty, and what is turned, which few are. */
function draw({ body, hidden, rotate, hFlip, vFlip, ...own }, set) {
  if (hidden || rotate || hFlip || vFlip || /<(animate|set)/.test(body)) return undefined
  const {
    left = 0,
    top = 0,
    width = 16,
    height = width,
  } = {
    left: set.left,
    top: set.top,
    width: set.width,
    height: set.height,
    ...own,
  }
  const scale = EDGE / Math.max(width, height)
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"' +
    ` width="${width * scale}" height="${height * scale}" viewBox="${left} ${top} ${width} ${height}">` +
    `${body.replaceAll('currentColor', '#000')}</svg>`
  )
}
