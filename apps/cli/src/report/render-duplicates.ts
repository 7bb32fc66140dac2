import type { ImageLimits } from '@lookalike/core'
import type { DuplicateGroup, DuplicateImage, Duplicates } from '@lookalike/gallery'
import { formatDistance } from '../terminal/format.js'
import { breakable, type Html, html } from './html.js'
import { linkTo } from './link.js'
import { page } from './page.js'
import { createPictures, type Pictures } from './pictures.js'

/** Edge of a picture, pixels; shown at half of it, for sharp screens. */
const EDGE = 360
/** Groups with pictures: a page of more would be slow to open. */
const SHOWN = 300

/** Groups of duplicates as one page with pictures. Links to files start at `folder`, where the page will lie. */
export async function renderDuplicates(
  { groups, images, threshold, proposal }: Duplicates,
  folder: string,
  limits: ImageLimits = {},
): Promise<string> {
  const pictures = createPictures(EDGE, limits)
  const sections: Html[] = []
  for (const [at, group] of groups.slice(0, SHOWN).entries()) sections.push(await section(group, at, pictures, folder))
  const surplus = groups.reduce((sum, { others }) => sum + others.length, 0)
  const left = groups.length - sections.length
  return page(
    'Duplicates',
    html`<header><h1>Duplicates</h1>
<p class="soft">${groups.length} ${groups.length === 1 ? 'group' : 'groups'} among ${images} images; ${surplus} could go. Images as near as ${threshold} count as duplicates${proposal && html`: within it lie 95 of 100 altered copies of ${proposal.images} of these images, or fewer where different images are as near`}. The picture with the most pixels stays; then the largest file, the oldest, the one with the shortest name.</p></header>
${sections}
${left > 0 && html`<p class="soft">${left} more groups are not shown.</p>`}
<footer>Written by Lookalike.</footer>`,
  )
}

async function section(
  { kind, diameter, keep, others }: DuplicateGroup,
  at: number,
  pictures: Pictures,
  folder: string,
): Promise<Html> {
  const tiles: Html[] = []
  for (const image of [keep, ...others]) tiles.push(await tile(image, image === keep, pictures, folder))
  const title = kind === 'exact' ? 'the same content' : `${formatDistance(diameter, 4)} apart at most`
  return html`<section><h2>${at + 1}. ${others.length + 1} images, ${title}</h2><div class="tiles">${tiles}</div></section>`
}

async function tile(image: DuplicateImage, stays: boolean, pictures: Pictures, folder: string): Promise<Html> {
  const picture = await pictures.picture(image.id, image.image, `${image.id}${stays ? ', stays' : ''}`)
  const mark = stays && html`<span class="mark" title="stays">✓</span>`
  const size = image.width === undefined ? 'cannot be read' : `${image.width} x ${image.height}`
  const bytes = image.bytes === undefined ? undefined : `, ${Math.max(1, Math.round(image.bytes / 1024))} KiB`
  const link = (content: unknown) => linkTo(image.image?.source, folder, content)
  return html`<figure class="pic ${stays ? 'right' : ''}"><div class="box">${link(picture)}${mark}</div><figcaption class="whole">${stays ? html`<b>keep</b>` : formatDistance(image.distance, 4)} · ${size}${bytes}<br><small>${link(breakable(image.id))}</small></figcaption></figure>`
}
