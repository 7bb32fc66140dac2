// Measures the way from an empty folder to a loss of one's own that passes its checks, and to a training run with it, as docs/writing-plugins.md
// says it. The packages have to be built. Prints the table of docs/first-plugin.md: `node scripts/measure-first-plugin.mjs`.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { packPackages } from './lib/pack-packages.mjs'
import { servePackages } from './lib/serve-packages.mjs'

const execute = promisify(execFile)
const rows = []

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-first-'))
const server = await servePackages(await packPackages(path.join(folder, 'packed')))
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_)/i.test(name))),
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  NO_COLOR: '1',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_prefer_offline: 'true',
}
const run = (command, args, cwd, more = {}) =>
  execute(command, args, { cwd, env: { ...env, ...more }, maxBuffer: 2 ** 26, shell: process.platform === 'win32' })
async function timed(what, work) {
  const from = performance.now()
  const result = await work()
  rows.push([what, (performance.now() - from) / 1000])
  return result
}

/** Images in classes: noisy discs, one colour a class. */
async function drawImages(at) {
  for (let label = 0; label < 8; label++) {
    const colour = [0, 1, 2].map((channel) => 60 + 160 * ((label >> channel) & 1))
    const size = 48
    await mkdir(path.join(at, `class-${label}`), { recursive: true })
    for (let i = 0; i < 8; i++) {
      const pixels = Buffer.from(
        Array.from({ length: size * size }, (_, at) => {
          const inside = Math.hypot((at % size) - 20 - i, Math.floor(at / size) - 24) < 14 + (i % 4)
          return colour.map((value) => (inside ? Math.min(255, value + ((at * 7919 + i) % 40)) : 245))
        }).flat(),
      )
      // A PPM needs no library; it becomes a PNG below, with the sharp that came with the command.
      await writeFile(
        path.join(at, `class-${label}`, `${i}.ppm`),
        Buffer.concat([Buffer.from(`P6\n${size} ${size}\n255\n`), pixels]),
      )
    }
  }
}
const CONVERT = `
import { readdir, readFile, rm } from 'node:fs/promises'
import sharp from 'sharp'
for (const folder of await readdir('photos')) for (const name of await readdir('photos/' + folder)) {
  const file = 'photos/' + folder + '/' + name
  const bytes = await readFile(file)
  await sharp(bytes.subarray(bytes.indexOf('255\\n') + 4), { raw: { width: 48, height: 48, channels: 3 } }).png().toFile(file.replace('.ppm', '.png'))
  await rm(file)
}`

try {
  const author = path.join(folder, 'author')
  const shop = path.join(folder, 'shop')
  await mkdir(author)
  await mkdir(shop)
  for (const at of [author, shop]) await writeFile(path.join(at, '.npmrc'), server.npmrc)
  const plugin = path.join(author, 'my-loss')
  await timed('`npm create lookalike-plugin@latest my-loss -- --kind loss --yes`', () =>
    run('npm', ['create', '--yes', 'lookalike-plugin@latest', 'my-loss', '--', '--kind', 'loss', '--yes'], author, {
      npm_config_registry: server.url,
    }),
  )
  // The scope's registry, as published packages need none.
  await writeFile(path.join(plugin, '.npmrc'), server.npmrc)
  await timed('`npm install`', () => run('npm', ['install'], plugin))
  const { stdout: tested } = await timed('`npm test`: conformance checks and a test of its own', () =>
    run('npm', ['test'], plugin),
  )
  await timed('`npm run build`', () => run('npm', ['run', 'build'], plugin))

  await writeFile(path.join(shop, 'package.json'), '{ "private": true, "type": "module" }')
  await drawImages(path.join(shop, 'photos'))
  await writeFile(
    path.join(shop, 'lookalike.config.yaml'),
    [
      'plugins: [my-loss]',
      'dataset: { use: folder, path: ./photos, test: 0.25 }',
      'encoder: { use: conv-net, imageSize: 32, widths: [16, 32], embeddingDim: 32 }',
      'train:',
      '  use: metric-learning',
      '  loss: { use: my-loss, temperature: 0.1 }',
      '  epochs: 5',
      '  sampler: { use: balanced, labels: 4, instances: 4 }',
      '  validation: 0',
      '',
    ].join('\n'),
  )
  await timed('In the project that uses it: `npm install @lookalike/cli ../author/my-loss`', () =>
    run('npm', ['install', '@lookalike/cli', '../author/my-loss'], shop),
  )
  await writeFile(path.join(shop, 'convert.mjs'), CONVERT)
  await run(process.execPath, ['convert.mjs'], shop)
  await timed('`npx lookalike train` with it: 48 images of 32 x 32 pixels, 5 epochs', () =>
    run('npx', ['lookalike', 'train', '--quiet'], shop),
  )

  const { loss } = JSON.parse(await readFile(path.join(shop, 'runs', 'shop', 'card.json'), 'utf8'))
  const losses = (await readFile(path.join(shop, 'runs', 'shop', 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).loss)
    .filter(Number.isFinite)
  const [, passed = '?'] = /Tests\s+(\d+) passed/.exec(tested) ?? []
  const total = rows.reduce((sum, [, seconds]) => sum + seconds, 0)
  console.log(
    [
      `Node ${process.versions.node}, npm ${(await run('npm', ['--version'], folder)).stdout.trim()}, ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}).`,
      '',
      '| step | seconds |',
      '| --- | ---: |',
      ...rows.map(([what, seconds]) => `| ${what} | ${seconds.toFixed(1)} |`),
      `| **together** | **${total.toFixed(1)}** |`,
      '',
      `${passed} tests passed. The run was trained with the loss \`${loss.name}\`; its value went from ${losses[0].toFixed(3)} to ${losses.at(-1).toFixed(3)}.`,
    ].join('\n'),
  )
} finally {
  await server.close()
  await rm(folder, { recursive: true, force: true })
}
