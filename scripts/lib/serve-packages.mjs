// A registry on this machine that serves packed packages before they are published, so that plain npm installs them as a user would.
// What it does not have, it sends on to the registry that npm is set to.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { filesOf } from './pack-packages.mjs'

export async function servePackages(packages) {
  const upstream = (
    await promisify(execFile)('npm', ['config', 'get', 'registry'], { shell: process.platform === 'win32' })
  ).stdout
    .trim()
    .replace(/\/$/, '')
  const byName = new Map(packages.map((each) => [each.name, each]))
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname.slice(1))
    const tarball = packages.find((each) => name === `${each.name}.tgz`)
    if (tarball) return void createReadStream(tarball.file).pipe(response)
    const found = byName.get(name)
    if (!found) return void response.writeHead(302, { location: `${upstream}${request.url}` }).end()
    const manifest = JSON.parse(filesOf(found.file).get('package.json').toString('utf8'))
    const integrity = `sha512-${createHash('sha512').update(readFileSync(found.file)).digest('base64')}`
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist: { tarball: `${url}/${name}.tgz`, integrity } } },
      }),
    )
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}`
  return {
    url,
    /** Lines of an .npmrc that take Lookalike's packages from here and all others from where npm always takes them. */
    npmrc: `@lookalike:registry=${url}\n`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}
