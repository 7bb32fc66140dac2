// Installs each subset of the README's table with plain npm into an empty project, runs its program, and prints what lies on the disk then: the
// table of docs/install-sizes.md. The packages have to be built: `node scripts/install-sizes.mjs`.
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { installSubset } from './lib/install-subset.mjs'
import { packPackages } from './lib/pack-packages.mjs'
import { servePackages } from './lib/serve-packages.mjs'
import { SUBSETS } from './lib/subsets.mjs'

/** Bytes of all files of a folder. */
async function sizeOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  let bytes = 0
  for (const entry of entries) if (entry.isFile()) bytes += (await lstat(path.join(entry.parentPath, entry.name))).size
  return bytes
}
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)
const PARTS = {
  'onnxruntime-node': ['onnxruntime-node'],
  sharp: ['sharp', '@img'],
  usearch: ['usearch'],
  'TensorFlow.js': ['@tensorflow'],
  Lookalike: ['@lookalike'],
}

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-sizes-'))
const server = await servePackages(await packPackages(path.join(folder, 'packed')))
try {
  console.log(`On ${process.platform} ${process.arch}, Node ${process.versions.node}, in MB.\n`)
  console.log(`| you want | install | packages | together | ${Object.keys(PARTS).join(' | ')} |`)
  console.log(
    `| --- | --- | ---: | ---: | ${Object.keys(PARTS)
      .map(() => '---:')
      .join(' | ')} |`,
  )
  for (const subset of SUBSETS) {
    const project = path.join(folder, subset.name)
    await installSubset(project, subset, server)
    const modules = path.join(project, 'node_modules')
    const { packages } = JSON.parse(await readFile(path.join(modules, '.package-lock.json'), 'utf8'))
    const parts = await Promise.all(
      Object.values(PARTS).map(async (names) =>
        (await Promise.all(names.map((name) => sizeOf(path.join(modules, name))))).reduce((a, b) => a + b),
      ),
    )
    const cells = [
      subset.title,
      `\`${subset.packages.join(' ')}\``,
      Object.keys(packages).length,
      megabytes(await sizeOf(modules)),
      ...parts.map((bytes) => (bytes === 0 ? '' : megabytes(bytes))),
    ]
    console.log(`| ${cells.join(' | ')} |`)
    await rm(project, { recursive: true, force: true })
  }
} finally {
  await server.close()
  await rm(folder, { recursive: true, force: true })
}
