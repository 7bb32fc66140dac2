// Trains the built-in encoder `builtin`: the run itself is bench/builtin-reference.py, in PyTorch. Prepares its data, puts the weights into our own `vit` network,
// sets `mini` beside it (join-builtin.mjs), stores them with a card and the log, and measures them beside what the package ships. See docs/builtin-encoder.md.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildVit, loadVitWeights } from '@lookalike/encoders'
import { saveModel, toHalf } from '@lookalike/onnx'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const shipped = path.join(root, 'packages', 'encoders', 'assets', 'builtin.onnx')
const example = path.join(root, 'examples', 'builtin')

const USAGE = `npm run train:builtin -- --photos DIR --teacher FILE [options]

  --photos DIR     Tiny ImageNet ("tiny-imagenet-200"), or any folder with one sub-folder of photographs a class
  --teacher FILE   an ImageNet MobileNetV2 as ONNX: 224 pixels, fed (pixel - 127) * 0.00784314
  --out DIR        what the run writes; default: runs/builtin
  --data DIR       birds and groceries to measure on; without it and --caltech only the drawings are measured
  --caltech DIR    Caltech-101 to measure on: "101_ObjectCategories" and "test.txt"
  --seconds N      of training; default: 440 on a GPU, eight hours on a CPU
  --seed N         default 0
  --size 64|96     edge of the network's input; default 64
  --python FILE    a Python with torch, onnx, pillow and safetensors; default python3
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
        photos: text,
        teacher: text,
        out: { ...text, default: path.join(root, 'runs', 'builtin') },
        data: text,
        caltech: text,
        seconds: text,
        seed: { ...text, default: '0' },
        size: { ...text, default: '64' },
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

const given = readOptions()
if (given.help) {
  console.log(USAGE)
  process.exit()
}
for (const name of ['photos', 'teacher'])
  if (given[name] === undefined) fail(`--${name} is missing.\n\n${USAGE}`)
  else if (!existsSync(given[name])) fail(`--${name}: ${given[name]} does not exist.`)
if (given.ship && given.small)
  fail('--small trains for five steps: there is nothing to ship. Leave out --small or --ship.')
const needed = spawnSync(given.python, ['-c', 'import torch, onnx, PIL, safetensors'], { encoding: 'utf8' })
if (needed.status !== 0)
  fail(
    `${given.python} lacks a package: ${needed.stderr?.trim().split('\n').at(-1) || needed.error?.message}\nInstall them: ${given.python} -m pip install torch onnx pillow safetensors`,
  )

const out = path.resolve(given.out)
const at = (name) => path.join(out, name)
await mkdir(out, { recursive: true })
if (!existsSync(at('drawings.bin.gz'))) run(process.execPath, 'bench/mini-reference-data.mjs', at('drawings.bin.gz'))
run(
  given.python,
  'bench/builtin-reference.py',
  '--photos',
  path.resolve(given.photos),
  '--teacher',
  path.resolve(given.teacher),
  '--drawings',
  at('drawings.bin.gz'),
  '--out',
  out,
  '--seed',
  given.seed,
  '--size',
  given.size,
  ...(given.seconds === undefined ? [] : ['--seconds', given.seconds]),
  ...(given.resume ? ['--resume'] : []),
  ...(given.small ? ['--small'] : []),
)

const facts = JSON.parse(await readFile(at('run.json'), 'utf8'))
const { size, patch } = facts
const network = buildVit({
  imageSize: size,
  patchSize: patch,
  dim: 192,
  depth: 12,
  heads: 3,
  preprocessing: {
    resize: { mode: 'shortest-edge', size },
    crop: { width: size, height: size },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    channels: 'rgb',
    layout: 'nchw',
  },
})
const { model, kept, unused } = await loadVitWeights(network, at('weights.safetensors'))
if (kept.length + unused.length > 0) fail(`The weights do not fit the network: ${[...kept, ...unused].join(', ')}`)
await saveModel(at('network.onnx'), toHalf(model))
// What is a drawing is learnt on photographs that were not trained on, where the folder has some.
const unseen = path.resolve(given.photos, 'val')
run(
  process.execPath,
  'scripts/join-builtin.mjs',
  '--network',
  at('network.onnx'),
  '--photos',
  existsSync(unseen) ? unseen : path.resolve(given.photos),
  '--out',
  at('builtin.onnx'),
)
const photos = path.basename(path.resolve(given.photos))
const card = {
  network: `ViT-Ti/${patch} at ${size} x ${size} pixels, class token, 192 dimensions`,
  recipe: 'bench/builtin-reference.py',
  images: [
    {
      what: photos,
      photos: facts.photos,
      classes: facts.classes,
      terms: photos === 'tiny-imagenet-200' ? "ImageNet's: research and education" : "those of the folder's owner",
    },
    {
      what: 'emoji of nine icon sets (npm packages @iconify-json/*), training classes',
      drawings: facts.drawings,
      terms: 'Apache-2.0, CC BY 4.0, CC BY-SA 4.0, MIT',
    },
  ],
  teacher: path.basename(given.teacher),
  run: facts,
}
await writeFile(at('card.json'), `${JSON.stringify(card, null, 2)}\n`)
console.log(`Weights: ${at('builtin.onnx')}, ${((await readFile(at('builtin.onnx'))).length / 1e6).toFixed(1)} MB`)

// Five steps leave nothing worth measuring.
if (given.small) process.exit()
run(
  process.execPath,
  'bench/builtin.mjs',
  ...(given.data === undefined && given.caltech === undefined ? ['--sets', 'emoji'] : []),
  ...(given.data === undefined ? [] : ['--data', path.resolve(given.data)]),
  ...(given.caltech === undefined ? [] : ['--caltech', path.resolve(given.caltech)]),
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
