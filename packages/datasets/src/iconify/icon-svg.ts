import type { IconSet } from './icon-set.js'

/**
 * An icon as an SVG document that fits `size` x `size` pixels with its aspect kept: aliases followed (their flips and
 * turns add up), `currentColor` black. Undefined for a name that the set does not draw.
 */
export function iconSvg(
  set: Pick<IconSet, 'icons' | 'aliases' | 'box'>,
  name: string,
  size: number,
): string | undefined {
  let hFlip = false
  let vFlip = false
  let rotate = 0
  let given: Partial<IconSet['box']> = {}
  let at = name
  // An alias may point at an alias; a chain longer than the list of aliases is a circle.
  for (let steps = Object.keys(set.aliases).length; steps >= 0; steps--) {
    const icon = Object.hasOwn(set.icons, at) ? set.icons[at] : undefined
    const entry = icon ?? (Object.hasOwn(set.aliases, at) ? set.aliases[at] : undefined)
    if (!entry) return undefined
    hFlip = hFlip !== (entry.hFlip ?? false)
    vFlip = vFlip !== (entry.vFlip ?? false)
    rotate = (rotate + (entry.rotate ?? 0)) % 4
    const { width, height, left, top } = entry
    given = { ...defined({ width, height, left, top }), ...given }
    if (icon) return draw(icon.body, { ...set.box, ...given }, { hFlip, vFlip, rotate }, size)
    at = set.aliases[at]!.parent
  }
  return undefined
}

function draw(
  body: string,
  box: IconSet['box'],
  turn: { readonly hFlip: boolean; readonly vFlip: boolean; readonly rotate: number },
  size: number,
): string {
  const { width, height, left, top } = box
  const quarter = turn.rotate % 2 === 1
  const [boxWidth, boxHeight] = quarter ? [height, width] : [width, height]
  const scale = size / Math.max(boxWidth, boxHeight)
  const centre = `${left + width / 2} ${top + height / 2}`
  const transform = [
    turn.rotate > 0 ? `rotate(${turn.rotate * 90} ${centre})` : '',
    turn.hFlip ? `translate(${2 * left + width} 0) scale(-1 1)` : '',
    turn.vFlip ? `translate(0 ${2 * top + height}) scale(1 -1)` : '',
  ].filter(Boolean)
  const drawing = body.replaceAll('currentColor', '#000')
  const turned = transform.length > 0 ? `<g transform="${transform.join(' ')}">${drawing}</g>` : drawing
  const view = `${left + (width - boxWidth) / 2} ${top + (height - boxHeight) / 2} ${boxWidth} ${boxHeight}`
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"' +
    ` width="${boxWidth * scale}" height="${boxHeight * scale}" viewBox="${view}">${turned}</svg>`
  )
}

function defined(box: Record<string, number | undefined>): Partial<IconSet['box']> {
  return Object.fromEntries(Object.entries(box).filter(([, value]) => value !== undefined))
}
