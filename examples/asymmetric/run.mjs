// Trains the query model, the gallery models and the transforms, and measures the ensemble beside its baselines. Run it again after it was
// stopped: it goes on where it was.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const cli = path.resolve(here, '../../apps/cli/dist/main.js')
/** Overrides of the configs, for every command: `--threads=1`. */
const overrides = process.argv.slice(2)

// Ctrl-C reaches the command too, which stops at a safe point; this process waits for it.
process.on('SIGINT', () => {})

function lookalike(command, config, ...args) {
  console.error(`\n$ lookalike ${[command, '--config', path.relative('.', config), ...args].join(' ')}`)
  const child = spawn(process.execPath, [cli, command, '--config', config, ...args, ...overrides], { stdio: 'inherit' })
  return new Promise((resolve) => {
    child.on('close', (code) => (code === 0 ? resolve() : process.exit(code ?? 1)))
  })
}

async function train(run, file, result) {
  const folder = path.join(here, 'runs', run)
  if (!existsSync(path.join(folder, result)))
    await lookalike('train', path.join(here, file), ...(existsSync(folder) ? ['--resume'] : []))
}

for (const name of ['light', 'first', 'last', 'styles', 'distilled'])
  await train(name, `${name}.lookalike.config.yaml`, 'model.onnx')
await train('ensemble', 'lookalike.config.yaml', 'cross-model.json')
await lookalike('evaluate', path.join(here, 'lookalike.config.yaml'))
