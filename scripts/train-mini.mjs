// Trains the built-in encoder as examples/mini says, stores its weights in half precision where the package ships them,
// keeps the training card and the log beside the config, and measures what half precision costs on the test classes.
import { spawnSync } from 'node:child_process'
import { copyFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHalfWeights } from '@lookalike/encoders'
import { loadModel, saveModel } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const cli = path.join(root, 'apps', 'cli', 'dist', 'main.js')
const example = path.join(root, 'examples', 'mini')
const run = path.join(example, 'runs', 'mini')
const shipped = path.join(root, 'packages', 'encoders', 'assets', 'mini.onnx')

/** Runs one command; ends the script where it fails. Returns its stdout with `capture`. */
function lookalike(args, capture = false) {
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'], encoding: 'utf8' })
  if (status !== 0) process.exit(status ?? 1)
  return stdout
}

// "--resume" goes on with an interrupted run, and "--ship" only stores the weights of a finished one.
const [mode] = process.argv.slice(2)
if (mode !== '--ship') lookalike(['train', '--config', example, mode === '--resume' ? '--resume' : '--overwrite'])

await saveModel(shipped, toHalfWeights(await loadModel(path.join(run, 'model.onnx'))))
await copyFile(path.join(run, 'card.json'), path.join(example, 'card.json'))
await copyFile(path.join(run, 'log.jsonl'), path.join(example, 'log.jsonl'))

for (const [name, model] of [['float32', path.join(run, 'model.onnx')], ['as shipped', shipped]]) {
  const encoder = JSON.stringify({ use: 'onnx', model })
  const text = lookalike(['evaluate', '--config', path.join(root, 'examples', 'emoji'), `--encoder=${encoder}`, `--name=mini-${name.replace(' ', '-')}`, '--json'], true)
  const { metrics } = JSON.parse(text).stages[0]
  console.log(name.padEnd(12), Object.entries(metrics).map(([metric, value]) => `${metric} ${(value * 100).toFixed(2)}`).join('  '))
}
console.log(`Weights: ${path.relative(root, shipped)}, ${((await readFile(shipped)).length / 1e6).toFixed(1)} MB`)
