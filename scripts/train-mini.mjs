// Trains the built-in encoder as the two configs of examples/mini say, one after the other. After each, the weights are stored in half precision
// where the package ships them, which is where the second starts, and card and log are kept beside the configs. Measures on the test classes.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHalfWeights } from '@lookalike/encoders'
import { loadModel, saveModel } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const cli = path.join(root, 'apps', 'cli', 'dist', 'main.js')
const example = path.join(root, 'examples', 'mini')
const shipped = path.join(root, 'packages', 'encoders', 'assets', 'mini.onnx')
const stages = [
  { config: 'lookalike.config.yaml', run: path.join(example, 'runs', 'mini'), prefix: '' },
  { config: 'refine.lookalike.config.yaml', run: path.join(example, 'runs', 'mini-refined'), prefix: 'refined-' },
]

/** Runs one command; ends the script where it fails. Returns its stdout with `capture`. */
function lookalike(args, capture = false) {
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) process.exit(status ?? 1)
  return stdout
}

async function ship({ run, prefix }) {
  await saveModel(shipped, toHalfWeights(await loadModel(path.join(run, 'model.onnx'))))
  for (const file of ['card.json', 'log.jsonl'])
    await copyFile(path.join(run, file), path.join(example, `${prefix}${file}`))
}

// "--resume" goes on with an interrupted run, and "--ship" only stores the weights of a finished one.
const [mode] = process.argv.slice(2)
const begun = stages.findLastIndex(({ run }) => existsSync(run))
for (const [i, stage] of stages.entries()) {
  if (mode === '--ship' || (mode === '--resume' && i < begun)) continue
  lookalike([
    'train',
    '--config',
    path.join(example, stage.config),
    mode === '--resume' && i === begun ? '--resume' : '--overwrite',
  ])
  await ship(stage)
}
if (mode === '--ship') await ship(stages.at(-1))

for (const [name, model] of [
  ['float32', path.join(stages.at(-1).run, 'model.onnx')],
  ['as shipped', shipped],
]) {
  const encoder = JSON.stringify({ use: 'onnx', model })
  const text = lookalike(
    [
      'evaluate',
      '--config',
      path.join(root, 'examples', 'emoji'),
      `--encoder=${encoder}`,
      `--name=mini-${name.replace(' ', '-')}`,
      '--json',
    ],
    true,
  )
  const { metrics } = JSON.parse(text).stages[0]
  console.log(
    name.padEnd(12),
    Object.entries(metrics)
      .map(([metric, value]) => `${metric} ${(value * 100).toFixed(2)}`)
      .join('  '),
  )
}
console.log(`Weights: ${path.relative(root, shipped)}, ${((await readFile(shipped)).length / 1e6).toFixed(1)} MB`)
