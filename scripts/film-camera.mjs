// Films apps/camera at work for the README: a picture is chosen, the light model embeds it in the page, and a small gallery answers.
// Drawn icons alone: noto (Apache-2.0) in the gallery, fluent-emoji-flat (MIT) to look for. Needs a build and Chromium: node scripts/film-camera.mjs
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportForBrowser } from '@lookalike/browser/export'
import { createMiniEncoder } from '@lookalike/encoders'
import { modelOfEncoder } from '@lookalike/image'
import { chromium } from 'playwright-core'
import sharp from 'sharp'
import { serveFiles } from './lib/serve-files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const require = createRequire(import.meta.url)
const SHOWN =
  'red-apple green-apple banana grapes strawberry cherries pineapple watermelon lemon tangerine peach tomato carrot broccoli mushroom sunflower tulip rose cactus maple-leaf cat-face dog-face fox panda koala tiger-face soccer-ball basketball automobile bicycle airplane sailboat house guitar trumpet key umbrella'.split(
    ' ',
  )
const ASKED = ['sunflower', 'panda', 'guitar']
const SIZE = { width: 800, height: 600 }

async function draw(set, name, edge) {
  const { icons, width = 16, height = width } = require(`@iconify-json/${set}/icons.json`)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${edge}" height="${edge}">${icons[name].body}</svg>`
  return sharp(Buffer.from(svg)).flatten({ background: '#fff' }).jpeg({ quality: 92 }).toBuffer()
}

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-film-'))
let browser
let host
try {
  const encoder = await createMiniEncoder()
  const pictures = await Promise.all(SHOWN.map((name) => draw('noto', name, 192)))
  const sources = pictures.map((source) => ({ source }))
  const { embeddings } = await modelOfEncoder(encoder).embed(sources, 'gallery')
  const images = (async function* () {
    for (const [i, name] of SHOWN.entries()) yield { id: `${name}.jpg`, thumbnail: pictures[i] }
  })()
  const gallery = { count: SHOWN.length, vectors: embeddings.data, images }
  await exportForBrowser(encoder, path.join(folder, 'model'), { gallery })
  await encoder.dispose()
  for (const name of ASKED)
    await writeFile(path.join(folder, `${name}.jpg`), await draw('fluent-emoji-flat', name, 400))

  host = await serveFiles({ '/': path.join(root, 'apps/camera/dist'), '/model/': path.join(folder, 'model') })
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
  const page = await (await browser.newContext({ viewport: SIZE })).newPage()
  page.setDefaultTimeout(300_000)
  await page.goto(host.url)
  await page.locator('#file:enabled').waitFor({ state: 'attached' })

  const frames = []
  const delay = []
  const shoot = async (milliseconds) => {
    frames.push(await page.screenshot())
    delay.push(milliseconds)
  }
  const loaded = () =>
    page.waitForFunction(() => [...document.querySelectorAll('#results img')].every((image) => image.naturalWidth > 0))
  await shoot(1400)
  for (const name of ASKED) {
    await page.locator('#results').evaluate((list) => list.replaceChildren())
    await page.locator('#file').setInputFiles(path.join(folder, `${name}.jpg`))
    await page.locator('#picture').waitFor()
    await shoot(500)
    await page.locator('#results li').first().waitFor()
    await loaded()
    await shoot(1900)
  }
  const film = await sharp(frames, { join: { animated: true } })
    .webp({ quality: 80, delay, loop: 0 })
    .toBuffer()
  await writeFile(path.join(root, 'docs/images/camera.webp'), film)
  console.log(`docs/images/camera.webp: ${frames.length} frames, ${(film.length / 1000).toFixed(0)} kB`)
  if (process.argv[2] !== undefined) {
    for (const width of [400, 1280]) {
      await page.setViewportSize({ width, height: 800 })
      await page.screenshot({ path: path.join(process.argv[2], `camera-${width}.png`) })
    }
  }
} finally {
  await browser?.close()
  await host?.close()
  await rm(folder, { recursive: true, force: true })
}
