// Trains in a process of its own, to be killed: node killed-run.mjs <folder> <resume>
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../../../', import.meta.url))
const { createJiti } = createRequire(import.meta.url)('jiti')
const alias = Object.fromEntries(
  ['core', 'evaluate', 'image', 'onnx', 'pipeline'].map((name) => [
    `@lookalike/${name}`,
    `${packages}${name}/src/index.ts`,
  ]),
)
const jiti = createJiti(import.meta.url, { alias })
const { trainToBeKilled } = await jiti.import('./train-to-be-killed.ts')
await trainToBeKilled(process.argv[2], process.argv[3] === 'resume')
