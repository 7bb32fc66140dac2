// Packs every public package into a folder, as it would be published, and checks what is inside: `node scripts/pack-all.mjs [folder]`.
// The packages have to be built. Prints the tarballs as JSON: name, file, packed and unpacked bytes.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** The folders of the packages that are published. */
function publicPackages() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(path.join(root, group)).map((name) => path.join(root, group, name)).filter((folder) => {
      const manifest = path.join(folder, 'package.json')
      return existsSync(manifest) && !JSON.parse(readFileSync(manifest, 'utf8')).private
    }))
}

/** Names and contents of a tarball's files, without the leading `package/`. */
function filesOf(tarball) {
  const bytes = gunzipSync(readFileSync(tarball))
  const text = (from, length) => bytes.toString('utf8', from, from + length).replace(/\0.*$/s, '')
  const files = new Map()
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8)
    const prefix = text(at + 345, 155)
    const name = `${prefix ? `${prefix}/` : ''}${text(at, 100)}`.replace(/^package\//, '')
    if (bytes[at + 156] === 48 || bytes[at + 156] === 0) files.set(name, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** What must not be published, or is missing. */
function problemsOf(manifest, files) {
  const problems = []
  for (const wanted of ['package.json', 'LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']) if (!files.has(wanted)) problems.push(`${wanted} is missing`)
  for (const name of files.keys()) {
    if (/(^|\/)(src|node_modules|\.turbo|fixtures|tsconfig[^/]*\.json)(\/|$)|\.test\.|\.map$/.test(name)) problems.push(`${name} does not belong in the package`)
  }
  const packed = JSON.parse(files.get('package.json').toString('utf8'))
  for (const group of ['dependencies', 'peerDependencies', 'optionalDependencies']) {
    for (const [name, range] of Object.entries(packed[group] ?? {})) if (range.startsWith('workspace:')) problems.push(`${group} names ${name} as ${range}`)
  }
  return problems.map((problem) => `${manifest.name}: ${problem}`)
}

const target = path.resolve(process.argv[2] ?? path.join(root, 'node_modules', '.lookalike-packed'))
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

const problems = []
const packages = publicPackages().map((folder) => {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  execFileSync('npx', ['--yes', packageManager, 'pack', '--pack-destination', target], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const file = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
  const files = filesOf(path.join(target, file))
  problems.push(...problemsOf(manifest, files))
  const unpacked = [...files.values()].reduce((sum, { length }) => sum + length, 0)
  return { name: manifest.name, file: path.join(target, file), packed: statSync(path.join(target, file)).size, unpacked }
})
console.log(JSON.stringify(packages, null, 2))
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
