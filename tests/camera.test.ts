import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exportForBrowser } from '@lookalike/browser/export'
import { buildConvNet, createOnnxEncoder } from '@lookalike/encoders'
import { modelOfEncoder } from '@lookalike/image'
import { writeModel } from '@lookalike/onnx'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveFiles } from '../scripts/lib/serve-files.mjs'
import { hasChromium, launchChromium, openContext } from './helpers/chromium.js'
import { root } from './helpers/run-cli.js'

/* apps/camera on a static host that sends no headers of its own. */

const COLOURS = ['red', 'green', 'blue', 'yellow']

describe.skipIf(!hasChromium)('the camera (skipped without /usr/bin/chromium)', () => {
  let folder = ''
  let browser: Browser
  let page: Page
  let host: Awaited<ReturnType<typeof serveFiles>>
  let offline = false
  const complaints: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-camera-'))
    const model = writeModel(buildConvNet({ imageSize: 16, widths: [12], embeddingDim: 32, seed: 3 }))
    const encoder = await createOnnxEncoder({ model, name: 'tiny', threads: 1 })
    const pictures = await Promise.all(
      COLOURS.map((background) =>
        sharp({ create: { width: 40, height: 40, channels: 3, background } })
          .jpeg()
          .toFile(path.join(folder, `${background}.jpg`)),
      ),
    )
    expect(pictures).toHaveLength(4)
    const files = COLOURS.map((colour) => path.join(folder, `${colour}.jpg`))
    const { embeddings } = await modelOfEncoder(encoder).embed(
      files.map((source) => ({ source })),
      'gallery',
    )
    const images = async function* () {
      for (const [i, file] of files.entries())
        yield { id: `drawings/${COLOURS[i]}.jpg`, thumbnail: await readFile(file) }
    }
    const gallery = { count: 4, vectors: embeddings.data, images: images() }
    await exportForBrowser(encoder, path.join(folder, 'model'), { gallery })
    await encoder.dispose()
    host = await serveFiles(
      { '/shop/': path.join(root, 'apps/camera/dist'), '/shop/model/': path.join(folder, 'model') },
      {
        isolated: false,
        respond: (_, response) => {
          if (offline) response.destroy()
          return offline
        },
      },
    )
    browser = await launchChromium([
      '--disable-gpu',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ])
    page = await (await openContext(browser, { viewport: { width: 400, height: 800 } })).newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    await visit()
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    await host?.close()
    await rm(folder, { recursive: true, force: true })
    expect(complaints).toEqual([])
  })

  const visit = async () => {
    await page.goto(`${host.url}/shop/`)
    await page.locator('#file:enabled').waitFor({ state: 'attached' })
  }
  const search = async (colour: string) => {
    await page.locator('#results').evaluate((list) => list.replaceChildren())
    await page.locator('#file').setInputFiles(path.join(folder, `${colour}.jpg`))
    await page.locator('#results li').first().waitFor()
    return page.locator('#results li').evaluateAll((all) => all.map((each) => (each as any).dataset.id as string))
  }

  it('finds what looks like a chosen picture, on a small screen too', async () => {
    expect(await search('green')).toHaveLength(4)
    expect((await search('blue'))[0]).toBe('drawings/blue.jpg')
    expect(await page.locator('#status').textContent()).toMatch(/^Seen in \d+ ms, found among 4 in [\d.]+ ms$/)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400)
    await page.addScriptTag({ content: axe.source })
    const { violations } = (await page.evaluate('axe.run()')) as { violations: { id: string }[] }
    expect(violations.map(({ id }) => id)).toEqual([])
  })

  it('says what is no picture, and goes on', async () => {
    await page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('hello') })
    await expect.poll(() => page.locator('#status').textContent()).toMatch(/a.png is not an image .* it holds text/)
    expect((await search('red'))[0]).toBe('drawings/red.jpg')
  })

  it('answers to a camera until it is turned off', async () => {
    await page.locator('#results').evaluate((list) => list.replaceChildren())
    await page.getByRole('button', { name: 'Use the camera' }).click()
    await page.locator('#results li').first().waitFor()
    expect(await page.locator('#video').isVisible()).toBe(true)
    await page.getByRole('button', { name: 'Use the camera', pressed: true }).click()
    expect(await page.locator('#video').isVisible()).toBe(false)
  })

  it('works without a connection after the first visit, isolated for threads', async () => {
    // What the first visit loaded is kept when the worker has it.
    await expect
      .poll(() =>
        page.evaluate(
          `caches.open('lookalike-camera-v1').then((cache) => cache.match('model/thumbnails/3.jpg')).then(Boolean)`,
        ),
      )
      .toBe(true)
    offline = true
    await visit()
    expect(await page.evaluate('crossOriginIsolated')).toBe(true)
    expect((await search('yellow'))[0]).toBe('drawings/yellow.jpg')
    await expect
      .poll(() =>
        page.locator('#results img').evaluateAll((all) => all.every((each) => (each as any).naturalWidth === 40)),
      )
      .toBe(true)
  })
})
