/** What drawing an SVG takes, as far as its text tells; at least 0 each. */
export interface SvgCost {
  /** Elements in the file. */
  readonly elements: number
  /** Elements that are drawn, those behind `use`, patterns, masks and markers once for each reference. */
  readonly drawn: number
  /** Pictures inside the picture. */
  readonly images: number
  /** Work of all filters, in passes over the picture. */
  readonly filterPasses: number
}

interface Element {
  readonly name: string
  /** Index behind its last descendant. */
  end: number
  readonly references: readonly string[]
  readonly passes: number
}

/** Steps of counting after which counting itself is too much; the cost is then endless. */
const MAX_STEPS = 2_000_000
/** References inside what is referred to: deeper than any drawing. */
const MAX_DEPTH = 200

/**
 * Counts what an SVG asks for, without drawing or resolving anything. Style sheets and entities are not looked into: what
 * hides there meets the deadline.
 *
 * @param text the file
 * @param maxElements after which reading ends
 */
export function svgCost(text: string, maxElements = Infinity): SvgCost {
  const { elements, ids } = readElements(text, maxElements)
  const endless = { elements: elements.length, drawn: Infinity, filterPasses: Infinity }
  const images = elements.filter(({ name }) => name === 'image').length
  const referring = elements.flatMap(({ references }, i) => (references.length > 0 ? [i] : []))
  const passesUpTo = new Float64Array(elements.length + 1)
  for (const [i, { passes }] of elements.entries()) passesUpTo[i + 1] = passesUpTo[i]! + passes
  const known = new Map<number, { drawn: number; passes: number }>()
  let steps = 0
  let tooMuch = false

  /** Of an element with all below it; `open` are those that lead to it. */
  const costOf = (from: number, open: ReadonlySet<number>): { drawn: number; passes: number } => {
    const before = known.get(from)
    if (before) return before
    const { end } = elements[from]!
    let drawn = end - from
    let passes = passesUpTo[end]! - passesUpTo[from]!
    const inside = new Set(open).add(from)
    for (let i = firstAtLeast(referring, from); i < referring.length && referring[i]! < end; i++) {
      for (const id of elements[referring[i]!]!.references) {
        if (++steps > MAX_STEPS || inside.size > MAX_DEPTH) tooMuch = true
        if (tooMuch) return { drawn: Infinity, passes: Infinity }
        const target = ids.get(id)
        // What refers to itself is not drawn.
        if (target === undefined || inside.has(target)) continue
        const cost = costOf(target, inside)
        drawn += cost.drawn
        passes += cost.passes
      }
    }
    const cost = { drawn, passes }
    known.set(from, cost)
    return cost
  }
  if (elements.length === 0) return { elements: 0, drawn: 0, images: 0, filterPasses: 0 }
  const { drawn, passes } = costOf(0, new Set())
  return tooMuch ? { ...endless, images } : { elements: elements.length, drawn, images, filterPasses: passes }
}

function readElements(text: string, maxElements: number): { elements: Element[]; ids: Map<string, number> } {
  const elements: Element[] = []
  const ids = new Map<string, number>()
  const open: Element[] = []
  let scale = 1
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const past = text[at + 1] === '!' || text[at + 1] === '?' ? behindSpecial(text, at) : undefined
    if (past !== undefined) {
      at = past
      continue
    }
    const end = endOfTag(text, at)
    const tag = text.slice(at, end)
    at = end
    if (tag.startsWith('</')) {
      const closed = open.pop()
      if (closed) closed.end = elements.length
      continue
    }
    const name = /^<(?:[\w.-]+:)?([\w.-]+)/.exec(tag)?.[1]
    if (!name) continue
    if (elements.length === 0) scale = scaleOf(tag)
    const id = tag.includes('id') ? attribute(tag, 'id') : undefined
    if (id !== undefined && !ids.has(id)) ids.set(id, elements.length)
    const element = {
      name,
      end: elements.length + 1,
      references: referencesOf(tag, name),
      passes: passesOf(tag, name, scale),
    }
    elements.push(element)
    if (elements.length > maxElements) break
    if (!tag.endsWith('/>')) open.push(element)
  }
  for (const element of open) element.end = elements.length
  return { elements, ids }
}

/** Behind a comment, a processing instruction, a document type or character data. */
function behindSpecial(text: string, at: number): number {
  const start = ['<!--', '<![CDATA[', '<?'].find((opening) => text.startsWith(opening, at))
  const doctype = !start && /^<![^>]*\[/.test(text.slice(at, at + 500))
  const stop = start ? { '<!--': '-->', '<![CDATA[': ']]>', '<?': '?>' }[start]! : doctype ? ']>' : '>'
  const end = text.indexOf(stop, at)
  return end < 0 ? text.length : end + stop.length
}

/** Behind the tag's closing bracket; brackets in quotes do not count. */
function endOfTag(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const character = text[i]!
    if (character === '>') return i + 1
    if (character !== '"' && character !== "'") continue
    const quote = text.indexOf(character, i + 1)
    if (quote < 0) return text.length
    i = quote
  }
  return text.length
}

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`[\\s"']${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag)
  return found?.[1] ?? found?.[2]
}

const NONE: readonly string[] = []

function referencesOf(tag: string, name: string): readonly string[] {
  if (!tag.includes('#')) return NONE
  const references = [...tag.matchAll(/url\(\s*['"]?#([^)'"]+)/g)].map((match) => match[1]!)
  const target =
    name === 'use' || name === 'pattern' || name === 'feImage' ? attribute(tag, '(?:[\\w-]+:)?href') : undefined
  if (target?.startsWith('#')) references.push(target.slice(1))
  return references
}

/** How many pixels a unit becomes, when the longer edge is drawn 512 pixels long. */
function scaleOf(root: string): number {
  const box = attribute(root, 'viewBox')
    ?.trim()
    .split(/[\s,]+/)
    .map(Number)
  const sizes =
    box?.length === 4
      ? box.slice(2)
      : [attribute(root, 'width'), attribute(root, 'height')].map((size) => Number.parseFloat(size ?? ''))
  const longer = Math.max(...sizes.filter((size) => size > 0))
  return longer > 0 ? 512 / longer : 1
}

function passesOf(tag: string, name: string, scale: number): number {
  if (!name.startsWith('fe')) return 0
  const numbers = (attributeName: string, fallback: number) => {
    const values = (attribute(tag, attributeName) ?? '')
      .trim()
      .split(/[\s,]+/)
      .map(Number.parseFloat)
    const first = Number.isFinite(values[0]) ? Math.abs(values[0]!) : fallback
    return [first, Number.isFinite(values[1]) ? Math.abs(values[1]!) : first] as const
  }
  switch (name) {
    case 'feMorphology': {
      const [x, y] = numbers('radius', 0)
      return (2 * x * scale + 1) * (2 * y * scale + 1)
    }
    case 'feConvolveMatrix': {
      const [x, y] = numbers('order', 3)
      return x * y
    }
    case 'feTurbulence':
      return 10 * numbers('numOctaves', 1)[0]
    case 'feGaussianBlur':
      return 10
    default:
      return 2
  }
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
