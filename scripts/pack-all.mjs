// Packs every public package into a folder, as it would be published, and checks what is inside: `node scripts/pack-all.mjs [folder]`.
// The packages have to be built. Prints the tarballs as JSON: name, file, packed and unpacked bytes.
import path from 'node:path'
import { packPackages, root } from './lib/pack-packages.mjs'

const packages = await packPackages(
  path.resolve(process.argv[2] ?? path.join(root, 'node_modules', '.lookalike-packed')),
)
console.log(JSON.stringify(packages, null, 2))
const problems = packages.flatMap((each) => each.problems)
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
