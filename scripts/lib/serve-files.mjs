// A static host for tests and measurements: folders and texts by address, isolated or not.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.css': 'text/css',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
}

/**
 * Starts a server on a free port of localhost.
 *
 * @param {Record<string, string | { text: string, type: string }>} places what lies at which address: the path of a folder or a file, or a text
 * @param {{ isolated?: boolean, respond?: (url: URL, response: import('node:http').ServerResponse) => boolean | Promise<boolean> }} options
 * isolated: pages may share memory between threads. respond: answers before the places do, and says whether it did
 */
export async function serveFiles(places, { isolated = true, respond } = {}) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost')
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
    }
    if (await respond?.(url, response)) return
    const found = await find(places, decodeURIComponent(url.pathname))
    if (!found) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': found.type }).end(found.content)
  })
  await new Promise((resolve) => server.listen(0, 'localhost', resolve))
  return {
    url: `http://localhost:${server.address().port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

async function find(places, address) {
  const at = Object.keys(places)
    .filter(
      (place) =>
        address === place || (typeof places[place] === 'string' && place.endsWith('/') && address.startsWith(place)),
    )
    .sort((a, b) => b.length - a.length)[0]
  const place = places[at]
  if (place === undefined) return undefined
  if (typeof place !== 'string') return { content: place.text, type: place.type }
  const rest = address.slice(at.length)
  const name = rest === '' && at.endsWith('/') ? 'index.html' : rest
  const file = path.join(place, path.normalize(`/${name}`)).replace(/\/$/, '')
  const content = await readFile(file).catch(() => undefined)
  return content && { content, type: TYPES[path.extname(file)] ?? 'application/octet-stream' }
}
