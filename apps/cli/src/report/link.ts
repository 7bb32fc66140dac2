import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Html, html } from './html.js'

/** Content as a link to a picture. Files beside the page are named from there, so that both can move together. */
export function linkTo(source: unknown, folder: string, content: unknown): Html {
  const address = typeof source === 'string' ? addressOf(source, folder) : undefined
  return address === undefined ? html`${content}` : html`<a href="${address}">${content}</a>`
}

function addressOf(source: string, folder: string): string | undefined {
  if (/^https?:/i.test(source)) return source
  if (/^[a-z][a-z0-9+.-]+:/i.test(source)) return undefined
  const relative = path.relative(folder, source)
  return path.isAbsolute(relative)
    ? pathToFileURL(source).href
    : relative.split(path.sep).map(encodeURIComponent).join('/')
}
