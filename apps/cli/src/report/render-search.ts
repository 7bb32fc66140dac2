import path from 'node:path'
import { type ImageRequest } from '@lookalike/core'
import type { GalleryEntry } from '@lookalike/gallery'
import { describeSource } from '@lookalike/image'
import { formatDistance } from '../terminal/format.js'
import { type Html, html } from './html.js'
import { page } from './page.js'
import { createPictures } from './pictures.js'

export interface SearchResult {
  readonly query: ImageRequest
  readonly hits: readonly { readonly entry: GalleryEntry; readonly distance: number; readonly image?: ImageRequest }[]
}

/** The results of a search as one page with pictures. */
export async function renderSearch(results: readonly SearchResult[], model: string): Promise<string> {
  const pictures = createPictures()
  const rows: Html[] = []
  for (const [row, { query, hits }] of results.entries()) {
    const found: Html[] = []
    for (const [i, { entry, distance, image }] of hits.entries()) {
      const label = entry.metadata?.label === undefined ? entry.id : String(entry.metadata.label)
      found.push(
        html`<figure class="pic"><div class="box">${await pictures.picture(`g ${entry.id}`, image, entry.id)}</div><figcaption title="${entry.id}">${i + 1} · ${formatDistance(distance, 3)}<br>${label}</figcaption></figure>`,
      )
    }
    const name = describeSource(query.source)
    rows.push(
      html`<div class="row"><div class="query"><figure class="pic"><div class="box">${await pictures.picture(`q ${row}`, query, name)}</div><figcaption title="${name}">${path.basename(name)}</figcaption></figure></div><div class="results">${found}</div></div>`,
    )
  }
  return page(
    'Search',
    html`<header><h1>Search</h1><p class="soft">Nearest first, by ${model}; under each picture its rank, its distance and its label.</p></header>${rows}<footer>Written by Lookalike.</footer>`,
  )
}
