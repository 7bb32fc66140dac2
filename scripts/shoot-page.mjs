// Shoots the pictures of the page that docs/serve.md shows: drawn icons alone, noto (Apache-2.0). Needs a build and Chromium:
// node scripts/shoot-page.mjs [folder for the same at 360, 1,280 and 2,560 pixels, of which it also says whether they scroll sideways]
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, galleryEntries } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import { chromium } from 'playwright-core'
import sharp from 'sharp'

const root = fileURLToPath(new URL('../', import.meta.url))
const { icons, width, height } = createRequire(import.meta.url)('@iconify-json/noto/icons.json')
const main = path.join(root, 'apps/cli/dist/main.js')
const KINDS = {
  fruit:
    'red-apple green-apple banana grapes strawberry cherries pineapple watermelon lemon tangerine peach pear mango kiwi-fruit melon',
  animals:
    'cat-face dog-face fox panda koala tiger-face lion rabbit-face bear monkey-face cow-face pig-face mouse-face hamster wolf',
  vehicles:
    'automobile taxi bus ambulance fire-engine police-car bicycle airplane sailboat helicopter locomotive tractor minibus truck rocket',
  flowers:
    'sunflower tulip rose hibiscus cherry-blossom blossom bouquet cactus maple-leaf four-leaf-clover mushroom evergreen-tree palm-tree herb',
  music: 'guitar trumpet violin drum saxophone banjo accordion musical-keyboard microphone headphone radio bell',
}
const COPIED = ['fruit/red-apple', 'fruit/lemon', 'animals/panda', 'vehicles/taxi', 'flowers/tulip']
const ASKED = 'fruit/tangerine'

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-shoot-'))
const run = (...args) => spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
let server
let browser
try {
  await draw()
  await new Promise((resolve) => run('index', 'icons', '--quiet').once('exit', resolve))
  await beUnsure()
  server = run('serve', '--port=0', '--quiet', '--write')
  const url = await new Promise((resolve) =>
    server.stdout.on('data', (data) => /http\S+\//.test(data) && resolve(/http\S+\//.exec(data)[0])),
  )
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
  const images = path.join(root, 'docs/images')
  await shoot(url, { width: 1280, height: 800 }, (name) => path.join(images, `serve-${name}.webp`))
  const [, , all] = process.argv
  if (all) {
    await mkdir(all, { recursive: true })
    for (const [wide, high] of [
      [360, 740],
      [1280, 800],
      [2560, 1440],
    ])
      await shoot(url, { width: wide, height: high }, (name) => path.join(all, `${name}-${wide}.png`))
  }
} finally {
  await browser?.close()
  server?.kill('SIGINT')
  await rm(folder, { recursive: true, force: true })
}

async function draw() {
  await writeFile(path.join(folder, 'lookalike.config.yaml'), 'name: icons\nencoder: builtin\n')
  for (const [kind, names] of Object.entries(KINDS)) {
    await mkdir(path.join(folder, 'icons', kind), { recursive: true })
    for (const name of names.split(' ').filter((each) => icons[each])) {
      const icon = icons[name]
      const box = `0 0 ${icon.width ?? width ?? 128} ${icon.height ?? height ?? 128}`
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="320" height="320">${icon.body}</svg>`
      const drawn = sharp(Buffer.from(svg)).flatten({ background: '#fff' })
      const file = path.join(folder, 'icons', kind, name)
      await writeFile(`${file}.png`, await drawn.png().toBuffer())
      if (COPIED.includes(`${kind}/${name}`))
        await writeFile(`${file}-copy.jpg`, await drawn.resize(240).jpeg({ quality: 70 }).toBuffer())
    }
  }
}

/** As a model that knows it would say it: some number for each image. */
async function beUnsure() {
  const gallery = await openGallery(path.join(folder, 'gallery'))
  const random = createRandom('unsure')
  await gallery.update((await galleryEntries(gallery)).map(({ id }) => ({ id, uncertainty: random.next() })))
  await gallery.close()
}

async function shoot(url, viewport, fileOf) {
  const page = await (await browser.newContext({ viewport, reducedMotion: 'reduce' })).newPage()
  page.setDefaultTimeout(60_000)
  const save = async (name) => {
    await page.waitForTimeout(500)
    await page.waitForFunction(() =>
      [...document.images].every((image) => image.getBoundingClientRect().top > innerHeight || image.naturalWidth > 0),
    )
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    if (wide > viewport.width) console.error(`${name} scrolls sideways at ${viewport.width}: ${wide}`)
    const file = fileOf(name)
    const shot = sharp(await page.screenshot())
    await (file.endsWith('webp') ? shot.webp({ quality: 80 }) : shot).toFile(file)
  }
  const view = (name) => page.getByRole('link', { name, exact: true }).click()
  await page.goto(`${url}#/search?like=${encodeURIComponent(`icons/${ASKED}.png`)}`)
  await page.getByRole('list', { name: 'Results' }).locator('.card').first().waitFor()
  await save('search')
  await view('Browse')
  await page.getByLabel('Order').selectOption('Least sure first')
  await page.getByRole('list', { name: 'Images' }).locator('.card').first().waitFor()
  await save('browse')
  await view('Duplicates')
  await page
    .getByRole('region', { name: /of icons/ })
    .first()
    .waitFor()
  await save('duplicates')
  await view('Map')
  const box = await page.locator('canvas').boundingBox()
  await page.waitForTimeout(1000)
  const at = (x, y) => [box.x + box.width * x, box.y + box.height * y]
  await page.mouse.move(...at(0.1, 0.1))
  await page.mouse.down()
  for (const [x, y] of [
    [0.5, 0.05],
    [0.55, 0.5],
    [0.1, 0.5],
    [0.1, 0.1],
  ])
    await page.mouse.move(...at(x, y), { steps: 3 })
  await page.mouse.up()
  await save('map')
  await page.context().close()
}
