// Trains the built-in encoder as examples/mini says and measures it on the test classes. Stores its weights in half precision where the package ships
// them, keeps cards and logs beside the config, and measures what is shipped.
import { spawnSync } from 'node:child_process'
import { copyFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel, saveModel, toHalf } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const cli = path.join(root, 'apps', 'cli', 'dist', 'main.js')
const example = path.join(root, 'examples', 'mini')
const runs = path.join(example, 'runs', 'mini')
const shipped = path.join(root, 'packages', 'encoders', 'assets', 'mini.onnx')

/** Runs one command; ends the script where it fails. */
function lookalike(...args) {
  const { status } = spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

// "--resume" goes on with an interrupted run, and "--ship" only stores the weights of a finished one.
const [mode] = process.argv.slice(2)
if (mode !== '--ship') lookalike('train', '--config', example, mode === '--resume' ? '--resume' : '--overwrite')

await saveModel(shipped, toHalf(await loadModel(path.join(runs, 'refined', 'model.onnx'))))
for (const [stage, prefix] of [
  ['first', ''],
  ['refined', 'refined-'],
]) {
  for (const file of ['card.json', 'log.jsonl'])
    await copyFile(path.join(runs, stage, file), path.join(example, `${prefix}${file}`))
}
lookalike('evaluate', '--config', path.join(root, 'examples', 'emoji'), '--model', shipped, '--name=mini-as-shipped')
console.log(`Weights: ${path.relative(root, shipped)}, ${((await readFile(shipped)).length / 1e6).toFixed(1)} MB`)
