import { type ImageLimits, type ImageRequest, toWarning, type Warning } from '@lookalike/core'
import { thumbnail } from '@lookalike/image'
import { type Html, html } from './html.js'

/** Edge of a thumbnail where nothing is said, pixels; shown at half of it, for sharp screens. */
const EDGE = 144

/** Thumbnails as data URLs, each made once. */
export interface Pictures {
  picture(key: string, request: ImageRequest | undefined, alt: string): Promise<Html>
  readonly warnings: readonly Warning[]
}

export function createPictures(edge: number = EDGE, limits: ImageLimits = {}): Pictures {
  const made = new Map<string, Promise<string | undefined>>()
  const warnings: Warning[] = []
  const make = async (request: ImageRequest) => {
    try {
      const bytes = await thumbnail(request, edge, limits)
      return `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`
    } catch (error) {
      // A picture that has gone since costs its place in the report, not the report.
      warnings.push(toWarning(error))
      return undefined
    }
  }
  return {
    warnings,
    async picture(key, request, alt) {
      if (!made.has(key)) made.set(key, request ? make(request) : Promise.resolve(undefined))
      const source = await made.get(key)
      return source === undefined
        ? html`<span class="gone" title="${alt}">no picture</span>`
        : html`<img src="${source}" alt="${alt}" loading="lazy">`
    },
  }
}
