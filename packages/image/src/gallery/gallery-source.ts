import path from 'node:path'
import type { GalleryEntry, ImageRequest, ImageSource } from '@lookalike/core'

/** How a gallery keeps where an image is: files relative to the gallery, so that both can move together. */
export function toGallerySource(source: ImageSource, folder: string): string | undefined {
  if (source instanceof URL) return source.href
  if (typeof source !== 'string') return undefined
  return isUrl(source) ? source : path.relative(folder, source).split(path.sep).join('/')
}

/** The image of an entry, undefined where the gallery only has its vector. */
export function requestOfEntry({ source, box }: GalleryEntry, folder: string): ImageRequest | undefined {
  if (source === undefined) return undefined
  return { source: isUrl(source) ? source : path.resolve(folder, source), ...(box && { box }) }
}

/** A single letter before the colon is a Windows drive. */
export function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(source)
}
