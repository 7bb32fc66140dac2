import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import sharp from 'sharp'

const EDGE = 96
/** Names that are measured, and not learnt from. */
const MEASURED = 1000
/** How a set calls the variants of an icon. */
const VARIANT =
  /-(outline|outlined|fill|filled|line|linear|bold|solid|rounded|round|sharp|alt|thin|light|duotone|regular|broken|twotone|two-tone|stroke|\d+)$/

/**
 * Names that five or more families of icons draw, with five drawings of each: one a family, drawn by seed. A family is an author, whose sets share their
 * drawings. Neither the sets of emoji nor the names that they have are among them: encoders of this project were trained on some.
 *
 * @param {string} folder of the npm package `@iconify/json`
 * @returns {Promise<{ source: Uint8Array, label: string }[]>} PNG, the longer edge 96, on white, black where an icon has no colour of its own
 */
export async function iconsOfManyFamilies(folder, { names: most = MEASURED, seed = 0 } = {}) {
  const random = createRandom(seed)
  const icons = await readIcons(folder)
  return pictures(
    namesToMeasure(icons, most, random).flatMap((label) => {
      const svgs = [...icons.drawn.get(label).values()].map(([first]) => first)
      return Array.from(random.permutation(svgs.length).slice(0, 5), (i) => ({ svg: svgs[i], label }))
    }),
  )
}

/**
 * What there is to learn from: up to ten drawings of each name that four or more families draw, one a family. Variants of a name ("home-outline", "home-2") are
 * one name. Nothing of the names that `iconsOfManyFamilies` gives is among it: no variant, and no drawing that stands under another name too.
 *
 * @param {string} folder of the npm package `@iconify/json`
 * @returns {Promise<{ source: Uint8Array, label: string }[]>} as above
 */
export async function iconsToLearn(folder, { seed = 1 } = {}) {
  const icons = await readIcons(folder)
  const measured = namesToMeasure(icons, MEASURED, createRandom(0))
  const taken = new Set(measured.map(withoutVariant))
  const shown = new Set(measured.flatMap((name) => [...icons.drawn.get(name).values()].flat()))
  const merged = new Map()
  for (const [name, authors] of icons.drawn) {
    const label = withoutVariant(name)
    if (taken.has(label) || icons.emoji.has(label)) continue
    const all = merged.get(label) ?? merged.set(label, new Map()).get(label)
    for (const [author, svgs] of authors)
      all.set(author, [...(all.get(author) ?? []), ...svgs.filter((svg) => !shown.has(svg))])
  }
  const random = createRandom(seed)
  const labels = [...merged.keys()].filter((label) => merged.get(label).size >= 4).sort()
  return pictures(
    labels.flatMap((label) => {
      const families = [...merged.get(label).values()].filter((svgs) => svgs.length > 0)
      return Array.from(random.permutation(families.length).slice(0, 10), (i) => ({
        svg: families[i][random.integer(families[i].length)],
        label,
      }))
    }),
  )
}

/** The drawings of each name by author, and the names that sets of emoji have. */
async function readIcons(folder) {
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
      const authors = drawn.get(name) ?? drawn.set(name, new Map()).get(name)
      authors.set(author.name, [...(authors.get(author.name) ?? []), svg])
    }
  }
  return { drawn, emoji }
}

function namesToMeasure({ drawn, emoji }, most, random) {
  const names = [...drawn.keys()].filter((name) => drawn.get(name).size >= 5 && !emoji.has(name)).sort()
  return Array.from(random.permutation(names.length).slice(0, most), (i) => names[i])
}

function withoutVariant(name) {
  let [before, after] = ['', name]
  while (after !== before) [before, after] = [after, after.replace(VARIANT, '')]
  return after
}

async function pictures(icons) {
  const found = []
  for (const { svg, label } of icons)
    found.push({ source: await sharp(Buffer.from(svg)).flatten({ background: 'white' }).png().toBuffer(), label })
  return found
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
