// Asymmetric search on photographs: trains the heads, learns the transforms, and measures both ensembles beside their baselines.
// The photographs and the encoders lie outside this project: --data names their folder, which must hold cub-50, grocery-store and encoders.
// Run it again after it was stopped: it goes on where it was.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { loadModel, saveModel } from '@lookalike/onnx'

const root = path.resolve(import.meta.dirname, '..')
/** The configs, beside which runs and the link to the data are made. */
const here = path.join(import.meta.dirname, 'asymmetric-photos')
const given = process.argv.indexOf('--data')
/** Overrides of the configs, for every command: `--threads=1`. */
const overrides = process.argv.slice(2).filter((_, i) => given < 0 || (i !== given - 2 && i !== given - 1))
const data = path.join(here, 'data')
if (!existsSync(data)) {
  const target = path.resolve(given < 0 ? path.join(root, '..', 'shared', 'data') : process.argv[given + 1])
  const missing = ['cub-50/index.csv', 'grocery-store/index.csv', 'encoders/mobilenet_v2_1.0_224_imagenet.onnx'].filter(
    (file) => !existsSync(path.join(target, file)),
  )
  if (missing.length > 0) {
    console.error(
      `No ${missing.join(', ')} in ${target}: name the folder that holds the photographs and the encoders with --data.`,
    )
    process.exit(1)
  }
  symlinkSync(target, data, 'junction')
}

// The network has convolutions and a mean alone, so that it takes pictures of any size; its file says 224.
const small = path.join(here, 'runs', 'imagenet-96.onnx')
if (!existsSync(small)) {
  const model = await loadModel(path.join(data, 'encoders', 'mobilenet_v2_1.0_224_imagenet.onnx'))
  mkdirSync(path.dirname(small), { recursive: true })
  await saveModel(small, {
    ...model,
    graph: { ...model.graph, inputs: model.graph.inputs.map((input) => ({ ...input, shape: ['N', 3, 96, 96] })) },
  })
}

// Ctrl-C reaches the command too, which stops at a safe point; this process waits for it.
process.on('SIGINT', () => {})

function lookalike(command, config, ...args) {
  console.error(`\n$ lookalike ${[command, '--config', path.relative('.', config), ...args].join(' ')}`)
  const child = spawn(
    process.execPath,
    [path.join(root, 'apps/cli/dist/main.js'), command, '--config', config, ...args, ...overrides],
    { stdio: 'inherit' },
  )
  return new Promise((resolve) => {
    child.on('close', (code) => (code === 0 ? resolve() : process.exit(code ?? 1)))
  })
}

async function train(run, file, result) {
  const folder = path.join(here, 'runs', run)
  if (!existsSync(path.join(folder, result)))
    await lookalike('train', path.join(here, file), ...(existsSync(folder) ? ['--resume'] : []))
}

for (const name of ['light', 'tuned']) await train(name, `${name}.lookalike.config.yaml`, 'model.onnx')
for (const [name, file] of [
  ['birds', 'lookalike.config.yaml'],
  ['catalogue', 'catalogue.lookalike.config.yaml'],
]) {
  await train(name, file, 'cross-model.json')
  await lookalike('evaluate', path.join(here, file))
}
