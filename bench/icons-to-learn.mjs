// Writes icons that the built-in encoder learns from as one file that PyTorch alone can read, for builtin-reference.py: none of the names that bench/builtin.mjs
// measures. 200 names, drawn by seed, are held out as the split `validation`.
//   npm install @iconify/json@2.2.535 && node bench/icons-to-learn.mjs node_modules/@iconify/json icons.bin.gz
import { createRandom } from '@lookalike/core'
import { iconsToLearn } from './lib/icons-of-many-families.mjs'
import { writeDrawings } from './lib/write-drawings.mjs'

const HELD_OUT = 200
const [folder, target = 'icons.bin.gz'] = process.argv.slice(2)
if (folder === undefined) throw new Error('The folder of the npm package @iconify/json is missing.')

const icons = await iconsToLearn(folder)
const names = [...new Set(icons.map(({ label }) => label))]
const unseen = new Set(Array.from(createRandom(7).permutation(names.length).slice(0, HELD_OUT), (i) => names[i]))
await writeDrawings(target, {
  train: icons.filter(({ label }) => !unseen.has(label)),
  validation: icons.filter(({ label }) => unseen.has(label)),
})
