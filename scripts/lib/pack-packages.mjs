// Packs every public package as it would be published, and looks at what is inside.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))

/** The packages that are published: folder and manifest. */
export function publicPackages() {
  return ['packages', 'apps']
    .flatMap((group) => readdirSync(path.join(root, group)).map((name) => path.join(root, group, name)))
    .filter((folder) => existsSync(path.join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => !manifest.private)
}

/** Names and contents of a tarball's files, without the leading `package/`. */
export function filesOf(tarball) {
  const bytes = gunzipSync(readFileSync(tarball))
  const text = (from, length) => bytes.toString('utf8', from, from + length).replace(/\0.*$/s, '')
  const files = new Map()
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const size = parseInt(text(at + 124, 12), 8)
    const prefix = text(at + 345, 155)
    const name = `${prefix ? `${prefix}/` : ''}${text(at, 100)}`.replace(/^package\//, '')
    if (bytes[at + 156] === 48 || bytes[at + 156] === 0) files.set(name, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** What must not be published, or is missing. */
function problemsOf({ name }, files) {
  const problems = []
  for (const wanted of ['package.json', 'LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts'])
    if (!files.has(wanted)) problems.push(`${wanted} is missing`)
  for (const file of files.keys()) {
    // Templates are sources that are meant to be published.
    if (file.startsWith('templates/')) continue
    if (/(^|\/)(testing|test-[^/]*|node_modules|\.turbo|fixtures|tsconfig[^/]*\.json)(\/|$)|\.test\./.test(file))
      problems.push(`${file} does not belong in the package`)
  }
  const packed = JSON.parse(files.get('package.json').toString('utf8'))
  for (const key of [
    'description',
    'keywords',
    'license',
    'homepage',
    'repository',
    'bugs',
    'type',
    'sideEffects',
    'exports',
    'files',
    'engines',
    'publishConfig',
  ]) {
    if (packed[key] === undefined) problems.push(`package.json says nothing of "${key}"`)
  }
  for (const group of ['dependencies', 'peerDependencies', 'optionalDependencies']) {
    for (const [other, range] of Object.entries(packed[group] ?? {}))
      if (range.startsWith('workspace:')) problems.push(`${group} names ${other} as ${range}`)
  }
  return problems.map((problem) => `${name}: ${problem}`)
}

/** Packs all public packages into a folder, which is emptied first. The packages have to be built. */
export async function packPackages(target) {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const args = [
    '--yes',
    packageManager,
    '--recursive',
    '--filter',
    './packages/*',
    '--filter',
    './apps/*',
    'pack',
    '--pack-destination',
    target,
  ]
  await promisify(execFile)('npx', args, { cwd: root, shell: process.platform === 'win32', maxBuffer: 2 ** 26 })
  return publicPackages().map(({ manifest: { name, version } }) => {
    const file = path.join(target, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
    const files = filesOf(file)
    const unpacked = [...files.values()].reduce((sum, { length }) => sum + length, 0)
    return { name, version, file, packed: statSync(file).size, unpacked, problems: problemsOf({ name }, files) }
  })
}
