// The main job on real images: index the emoji benchmark's test drawings, search with a sketch, measure, report.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const cli = path.join(root, 'apps', 'cli', 'dist', 'main.js')
const example = path.join(root, 'examples', 'emoji')

// Ctrl-C reaches the child too, which stops at a safe point; this process waits for it.
process.on('SIGINT', () => {})

/** Runs one command; with `capture`, its stdout is the result instead of going to the terminal. */
function lookalike(args, capture = false) {
  console.log(`\n$ lookalike ${args.map((arg) => (path.isAbsolute(arg) ? path.relative(root, arg) : arg)).join(' ')}`)
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: root,
    stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
  })
  let text = ''
  child.stdout?.on('data', (data) => (text += data))
  return new Promise((resolve) => {
    child.on('close', (code) => {
      if (code !== 0) process.exit(code ?? 1)
      resolve(text)
    })
  })
}

await lookalike(['index', '--config', example])
await lookalike([
  'search',
  path.relative(root, path.join(example, 'query.svg')),
  '--config',
  example,
  '-k',
  '5',
  '--html',
  path.join(example, 'runs', 'search.html'),
])
const result = JSON.parse(await lookalike(['evaluate', '--config', example, '--json'], true))

const { metrics } = result.stages.at(-1)
const percent = (share) => `${(share * 100).toFixed(1)} %`
console.log(`
${result.queries.toLocaleString('en')} drawings, each searching its likes among all others, with the encoder "${result.model.name}":
  R@1    ${percent(metrics['recall@1'])}
  R@8    ${percent(metrics['recall@8'])}
  MAP@R  ${percent(metrics['map@r'])}

Report with pictures: ${result.files.find((file) => file.endsWith('report.html'))}
Search with pictures: ${path.join(example, 'runs', 'search.html')}`)
