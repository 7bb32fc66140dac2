// Both stages and the evaluation before and after reranking. Run it again after it was stopped: it goes on where it was.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const cli = path.resolve(here, '../../apps/cli/dist/main.js')
const [stageOne, stageTwo] = ['lookalike.config.yaml', 'rerank.lookalike.config.yaml'].map((file) =>
  path.join(here, file),
)
/** Overrides of the config, for all three commands: `--threads=1`, `--dataset={use: folder, path: ./photos}`. */
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

async function train(config, run, result) {
  const folder = path.join(here, 'runs', run)
  if (!existsSync(path.join(folder, result)))
    await lookalike('train', config, ...(existsSync(folder) ? ['--resume'] : []))
}

await train(stageOne, 'stage-1', 'model.onnx')
await train(stageTwo, 'stage-2', 'pair.onnx')
await lookalike('evaluate', stageTwo)
