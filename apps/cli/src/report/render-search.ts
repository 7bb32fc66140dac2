import path from 'node:path'
import type { ImageLimits } from '@lookalike/core'
import { describeSource } from '@lookalike/image'
import type { SearchHit, SearchResult } from '@lookalike/pipeline'
import { formatDistance } from '../terminal/format.js'
import { breakable, type Html, html } from './html.js'
import { linkTo } from './link.js'
import { page } from './page.js'
import { createPictures, type Pictures } from './pictures.js'

/** Edge of a picture, pixels; shown at half of it, for sharp screens. */
const EDGE = 360

/** The results of a search as one page with pictures. Links to files start at `folder`, where the page will lie. */
export async function renderSearch(
  results: readonly SearchResult[],
  model: string,
  folder: string,
  limits: ImageLimits = {},
): Promise<string> {
  const pictures = createPictures(EDGE, limits)
  const sections: Html[] = []
  for (const [row, { query, hits }] of results.entries()) {
    const found: Html[] = []
    for (const [i, hit] of hits.entries()) found.push(await hitOf(hit, i + 1, pictures, folder))
    const name = query.source instanceof Uint8Array ? 'standard input' : describeSource(query.source)
    const picture = await pictures.picture(`q ${row}`, query, name)
    sections.push(html`<section class="search">
<figure class="pic query"><div class="box">${picture}</div><figcaption><b>${path.basename(name)}</b>${query.box && html`<br><small>${part(query.box)}</small>`}</figcaption></figure>
<div class="tiles">${found}</div></section>`)
  }
  return page(
    'Search',
    html`<header><h1>Search</h1><p class="soft">Nearest first, by ${model}; under each picture its rank, its distance, its class where it has one, and its file.</p></header>${sections}<footer>Written by Lookalike.</footer>`,
  )
}

async function hitOf({ entry, distance, image }: SearchHit, rank: number, pictures: Pictures, folder: string) {
  const { label } = entry.metadata ?? {}
  const picture = await pictures.picture(`g ${entry.id}`, image, entry.id)
  const link = (content: unknown) => linkTo(image?.source, folder, content)
  return html`<figure class="pic"><div class="box">${link(picture)}</div><figcaption><b>${rank}</b> · ${formatDistance(distance, 3)}${label !== undefined && html`<br><b>${breakable(String(label))}</b>`}<br><small>${link(breakable(entry.id))}</small></figcaption></figure>`
}

function part({ x, y, width, height }: NonNullable<SearchResult['query']['box']>): string {
  const [left, top, wide, high] = [x, y, width, height].map((share) => Math.round(share * 100))
  return `a part of it: ${wide} % of the width, ${left} % from the left; ${high} % of the height, ${top} % from the top`
}
