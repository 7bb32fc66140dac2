import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { LookalikeError, toWarning, type Warning } from '@lookalike/core'

/** A file of the page, as it is served. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Everything comes from the server itself: no line of program or style inside the page, none from elsewhere. `blob:` shows a picture before it is sent. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** As seen from the sources and from the built package. */
const FOLDER = fileURLToPath(new URL('../dist/page/', import.meta.url))

/**
 * The built page: what to answer by path, `/` and `/label` among them. Read once; requests touch no file. Where the package was not built
 * there are none, and the warning `serve/page-missing` says so.
 */
export async function readPage(onWarning?: (warning: Warning) => void): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(FOLDER, { recursive: true }).catch(() => {
    const problem = `There is no page for browsers: it is not in ${FOLDER}`
    onWarning?.(
      toWarning(new LookalikeError('serve/page-missing', { problem, fix: 'Build the package, or install it again.' })),
    )
    return []
  })
  const files = new Map<string, PageFile>()
  for (const name of names) {
    const type = TYPES[path.extname(name)]
    if (type === undefined) continue
    const isPage = name.endsWith('.html')
    const at = name.split(path.sep).join('/')
    files.set(isPage ? `/${at.replace(/(index)?\.html$/, '')}` : `/${at}`, {
      body: new Uint8Array(await readFile(path.join(FOLDER, name))),
      headers: {
        'content-type': type,
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        // The names of all others hold their content.
        'cache-control': isPage ? 'no-cache' : 'public, max-age=31536000, immutable',
      },
    })
  }
  return files
}
