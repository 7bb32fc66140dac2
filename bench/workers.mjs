/**
 * One and two workers at a queue, of one thread each, against one process of two threads: photographs a second with MobileNetV2, whole commands. What
 * starting costs goes out: the time of few photographs is taken from that of many. Contenders take turns, and the figures are medians over the rounds.
 *
 *     npx turbo run build --filter=@lookalike/bench... && node bench/workers.mjs [--images 300] [--rounds 5]
 *
 * Needs redis-server and the photographs of ../shared/data/cub-50.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median, rounded } from './lib/vectors.mjs'

const { values } = parseArgs({
  options: { images: { type: 'string', default: '300' }, rounds: { type: 'string', default: '5' } },
})
const many = Number(values.images)
const FEW = 16
const data = fileURLToPath(new URL('../../shared/data/', import.meta.url))
const main = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url))
const folder = await mkdtemp(fileURLToPath(new URL('./node_modules/.workers-', import.meta.url)))
const redis = await startRedis()
const queue = `--queue=redis://127.0.0.1:${redis.port}`

try {
  await makeProject()
  const taken = { process: [], one: [], two: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    taken.process.push(await rate(['--threads=2']))
    taken.one.push(await withWorkers(1))
    taken.two.push(await withWorkers(2))
    console.error(
      round,
      Object.fromEntries(Object.entries(taken).map(([name, rates]) => [name, rounded(rates.at(-1))])),
    )
  }
  const ratio = (name) => rounded(median(taken[name].map((each, i) => each / taken.process[i])))
  console.log(`${many} photographs, ${values.rounds} rounds\n`)
  console.log('| | images/s | against one process |\n| --- | --- | --- |')
  console.log(`| one process, two threads | ${rounded(median(taken.process))} | 1 |`)
  console.log(`| one worker, one thread | ${rounded(median(taken.one))} | ${ratio('one')} |`)
  console.log(`| two workers, one thread each | ${rounded(median(taken.two))} | ${ratio('two')} |`)
} finally {
  redis.child.kill()
  await rm(folder, { recursive: true, force: true })
}

async function withWorkers(count) {
  const workers = Array.from({ length: count }, () =>
    spawn(process.execPath, [main, 'work', '--stay', '--threads=1', '--quiet', queue], {
      cwd: folder,
      stdio: 'ignore',
    }),
  )
  try {
    // Until all have loaded the model.
    for (let i = 0; i < 2; i++) await index('few', ['--threads=1', queue])
    return await rate(['--threads=1', queue])
  } finally {
    for (const worker of workers) {
      worker.kill('SIGKILL')
      await once(worker, 'exit')
    }
  }
}

/** Images a second, without what starting costs. */
async function rate(args) {
  const few = await index('few', args)
  return (many - FEW) / ((await index('many', args)) - few)
}

/** Seconds of a whole command, into a new gallery. */
async function index(photos, args) {
  await rm(path.join(folder, 'gallery'), { recursive: true, force: true })
  const begin = performance.now()
  const child = spawn(process.execPath, [main, 'index', photos, '--quiet', '--json', ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`index ${photos} ${args.join(' ')} ended with ${code}`)
  return (performance.now() - begin) / 1000
}

async function makeProject() {
  const half = 127.5 / 255
  const mean = 127 / 255
  const preprocessing = {
    resize: { mode: 'shortest-edge', size: 256 },
    crop: { width: 224, height: 224 },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: [mean, mean, mean],
    std: [half, half, half],
    channels: 'rgb',
    layout: 'nchw',
  }
  const model = path.join(data, 'encoders/mobilenet_v2_1.0_224_imagenet.onnx')
  const config = { name: 'workers', encoder: { use: 'onnx', model, preprocessing }, gallery: './gallery', cache: false }
  await writeFile(path.join(folder, 'lookalike.config.json'), JSON.stringify(config))
  const images = path.join(data, 'cub-50/images')
  const files = (await readdir(images, { recursive: true })).filter((file) => file.endsWith('.jpg')).sort()
  for (const [name, count] of [
    ['few', FEW],
    ['many', many],
  ]) {
    await mkdir(path.join(folder, name))
    for (let i = 0; i < count; i++)
      await cp(path.join(images, files[Math.floor((i * files.length) / count)]), path.join(folder, name, `${i}.jpg`))
  }
}

async function startRedis() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  return { port, child: spawn('redis-server', args, { stdio: 'ignore' }) }
}
