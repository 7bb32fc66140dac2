import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildVit } from '@lookalike/encoders'
import { saveModel } from '@lookalike/onnx'
import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hasChromium, launchChromium, openContext } from './helpers/chromium.js'
import { makeShop } from './helpers/make-shop.js'
import { runCli } from './helpers/run-cli.js'
import { type StartedServer, startServer } from './helpers/start-server.js'

const FIRST = 'photos/blue-cross/0.png'
const SHAPE = { imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 2 }
const TINY = 'threads: 1\nencoder: { use: onnx, name: tiny, model: ./model.onnx }\n'
const COPY = 'copy of blue-cross'

describe.skipIf(!hasChromium)('the page (skipped without /usr/bin/chromium)', () => {
  let folder = ''
  let server: StartedServer
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let complaints: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lookalike-page-'))
    await makeShop(path.join(folder, 'photos'), 2)
    await saveModel(path.join(folder, 'model.onnx'), buildVit({ ...SHAPE, seed: 3 }))
    await writeFile(path.join(folder, 'lookalike.config.yaml'), `name: shop\n${TINY}rerankers: [k-reciprocal]\n`)
    expect((await runCli(['index', 'photos'], { cwd: folder })).code).toBe(0)
    const other = path.join(folder, 'other')
    await mkdir(other)
    await saveModel(path.join(other, 'model.onnx'), buildVit({ ...SHAPE, seed: 4 }))
    await writeFile(path.join(other, 'lookalike.config.yaml'), `name: other\nimages: { paths: [..] }\n${TINY}`)
    expect((await runCli(['index', '../photos'], { cwd: other })).code).toBe(0)
    server = await startServer(['--write', '--beside', 'other'], { cwd: folder })
    const form = new FormData()
    form.append('image', new Blob([await readFile(path.join(folder, FIRST))]))
    form.append('request', JSON.stringify({ metadata: { label: 'blue-cross', price: 3 } }))
    const put = await fetch(itemAt(COPY), { method: 'PUT', body: form })
    expect(put.status).toBe(200)
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    complaints = []
    await open({ width: 1280, height: 900 })
  })
  afterEach(async () => {
    await context.close()
    // Among them what the policy for contents refuses.
    expect(complaints).toEqual([])
  })

  const itemAt = (id: string) => `${server.url}/api/v1/items/${encodeURIComponent(id)}`
  async function open(viewport: { width: number; height: number }) {
    context = await openContext(browser, {
      viewport,
      colorScheme: 'light',
      reducedMotion: 'reduce',
      acceptDownloads: true,
    })
    page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    await page.goto(server.url)
    await page.locator('.card').first().waitFor()
  }
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const view = (name: string) => page.getByRole('link', { name, exact: true }).click()
  const results = () => page.getByRole('list', { name: 'Results' }).locator('.card')
  const idsOf = (cards: ReturnType<typeof results>) =>
    cards.evaluateAll((all) => all.map((each) => (each as unknown as { dataset: { id: string } }).dataset.id))
  const searchBy = async (id: string) => {
    await page.goto(`${server.url}/#/search?like=${encodeURIComponent(id)}`)
    await page.reload()
    await results().first().waitFor()
  }
  /** What the next search asks for. */
  const asked = async (act: () => Promise<unknown>): Promise<Record<string, any>> => {
    const next = page.waitForRequest((request) => request.url().endsWith('/api/v1/search'))
    await act()
    const sent = (await next).postDataBuffer()!.toString('latin1')
    return JSON.parse(/\{.*\}/s.exec(sent.startsWith('{') ? sent : sent.slice(sent.indexOf('name="request"')))![0])
  }

  it('searches by a chosen picture, then by a result, and goes back', async () => {
    await page.locator('input[type=file]').first().setInputFiles(path.join(folder, FIRST))
    await results().first().waitFor()
    expect((await idsOf(results())).slice(0, 2).sort()).toEqual([COPY, FIRST].sort())
    expect(await results().first().locator('.badge').textContent()).toBe('0.000')
    await button(`Search by ${FIRST}`).click()
    await page.getByRole('listitem').filter({ hasText: 'More like0.png' }).waitFor()
    await expect.poll(() => idsOf(results())).not.toContain(FIRST)
    await page.goBack()
    await expect.poll(() => idsOf(results())).toContain(FIRST)
  })

  it('searches by what is dropped or pasted, and says what is no picture', async () => {
    const bytes = [...(await readFile(path.join(folder, FIRST)))]
    const bring = (kind: 'drop' | 'paste', name: string, type: string) =>
      page.evaluate(
        `(() => {
          const data = new DataTransfer()
          data.items.add(new File([Uint8Array.from(${JSON.stringify(bytes)})], '${name}', { type: '${type}' }))
          dispatchEvent('${kind}' === 'drop'
            ? new DragEvent('drop', { dataTransfer: data, cancelable: true })
            : new ClipboardEvent('paste', { clipboardData: data, cancelable: true }))
        })()`,
      )
    await bring('drop', 'notes.txt', 'text/plain')
    await page.getByText('notes.txt is no picture').waitFor()
    await bring('drop', 'dropped.png', 'image/png')
    await page.getByText('dropped.png', { exact: true }).waitFor()
    await results().first().waitFor()
    await bring('paste', 'pasted.png', 'image/png')
    await page.getByText('pasted.png', { exact: true }).waitFor()
  })

  it('takes an address where the server does', async () => {
    await page.route('**/api/v1/gallery', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...((await answer.json()) as object), urls: true } })
    })
    await page.reload()
    await page.getByLabel('Address of a picture').fill('https://shop.example/cat.jpg')
    const { positives } = await asked(() => button('Search').click())
    expect(positives).toEqual([{ url: 'https://shop.example/cat.jpg' }])
    // This server takes none: the answer says so, and what to do.
    await page.getByText('Start the server with --urls to allow addresses').waitFor()
    complaints = complaints.filter((each) => !each.includes('403'))
  })

  it('searches by a part that is drawn, or set by keys', async () => {
    await searchBy(FIRST)
    await button(/^About photos/)
      .first()
      .click()
    await page.locator('dialog img').waitFor()
    const frame = (await page.locator('.crop-frame').boundingBox())!
    await page.mouse.move(frame.x + frame.width / 4, frame.y + frame.height / 4)
    await page.mouse.down()
    await page.mouse.move(frame.x + (frame.width * 3) / 4, frame.y + frame.height / 2, { steps: 3 })
    await page.mouse.up()
    const drawn = await asked(() => button('Search by this part').click())
    const { x, y, width, height } = drawn.positives[0].box
    for (const [found, wanted] of [
      [x, 0.25],
      [y, 0.25],
      [width, 0.5],
      [height, 0.25],
    ])
      expect(found).toBeCloseTo(wanted, 1)

    await button(/^Search by a part of/).click()
    await page.getByText('Set the part by numbers').click()
    await page.getByLabel('Width').press('Home')
    const set = await asked(() => button('Search by this part').click())
    expect(set.positives[0].box.width).toBeCloseTo(0.02)
  })

  it('collects examples of what is looked for and what is not', async () => {
    await searchBy(FIRST)
    const [second] = await idsOf(results())
    const more = await asked(() => button('More like this').first().click())
    expect(more.positives).toEqual([{ id: FIRST }, { id: second }])
    await expect.poll(() => idsOf(results())).toHaveLength(39)
    const [third] = await idsOf(results())
    const less = await asked(() => button('Less like this').first().click())
    expect(less.negatives).toEqual([{ id: third }])
    const turned = await asked(() =>
      button(/^Look for less like 0.png/)
        .first()
        .click(),
    )
    expect([turned.positives.length, turned.negatives.length]).toEqual([1, 2])
  })

  it('narrows down by facets and by distance, and says how many would match', async () => {
    await searchBy(FIRST)
    await page.getByRole('checkbox', { name: 'blue-disc' }).check()
    await expect.poll(() => idsOf(results())).toHaveLength(2)
    await button('Clear').click()
    await expect.poll(() => results().count()).toBe(40)
    const slider = page.getByRole('slider', { name: /Distance at most/ })
    await slider.press('Home')
    for (let i = 0; i < 5; i++) await slider.press('ArrowRight')
    const text = (await page
      .getByText(/would match/)
      .first()
      .textContent())!
    const count = Number(/^\d+/.exec(text)![0])
    expect(count).toBeLessThan(40)
    await expect.poll(() => results().count()).toBe(count)
  })

  it('hides near-duplicates', async () => {
    await searchBy('photos/red-disc/0.png')
    expect(await idsOf(results())).toEqual(expect.arrayContaining([FIRST, COPY]))
    await page.getByRole('switch', { name: 'Hide near-duplicates' }).check()
    await page.getByRole('slider', { name: /The same up to/ }).press('Home')
    await expect.poll(async () => (await idsOf(results())).filter((id) => id === FIRST || id === COPY)).toHaveLength(1)
    await page.getByText('1 near-duplicates hidden').waitFor()
  })

  it('shows both orders of a reranked list and what moved', async () => {
    await searchBy(FIRST)
    const before = await idsOf(results())
    await page.getByRole('switch', { name: /Rerank/ }).check()
    const list = (name: string) => page.getByRole('region', { name }).locator('.rank-row')
    await list('After').first().waitFor()
    expect(await idsOf(list('Before'))).toEqual(before)
    const after = await idsOf(list('After'))
    const notes = await list('After').locator('.move').allTextContents()
    for (const [i, id] of after.entries()) {
      const moved = before.indexOf(id) - i
      expect(notes[i]).toBe(moved === 0 ? 'stays' : moved > 0 ? `up ${moved}` : `down ${-moved}`)
    }
  })

  it('compares two models on the same query', async () => {
    await searchBy(FIRST)
    const sent = await asked(() => page.getByRole('switch', { name: 'Compare with tiny of other' }).check())
    expect(sent).toMatchObject({ compare: true, rerank: false })
    const list = (name: string) => page.getByRole('region', { name, exact: true }).locator('.rank-row')
    await list('tiny of other').first().waitFor()
    const [here, there] = [await idsOf(list('tiny of shop')), await idsOf(list('tiny of other'))]
    // The image that was added is in the first gallery alone.
    expect([here.includes(COPY), there.includes(COPY)]).toEqual([true, false])
    await page.getByText('Both models know 40 images of 41').waitFor()
    expect([...there].sort()).toEqual(here.filter((id) => id !== COPY).sort())
    expect(there).not.toEqual(here.filter((id) => id !== COPY))
    const notes = await list('tiny of other').locator('.move').allTextContents()
    for (const [i, id] of there.entries()) {
      const moved = here.indexOf(id) - i
      expect(notes[i]).toBe(moved === 0 ? 'stays' : moved > 0 ? `up ${moved}` : `down ${-moved}`)
    }
  })

  it('lists the least sure first, rejects and takes back', async () => {
    const unsure = ['photos/green-ring/1.png', 'photos/red-cross/0.png']
    for (const [i, id] of unsure.entries()) {
      const headers = { 'content-type': 'application/json' }
      await fetch(itemAt(id), { method: 'PATCH', headers, body: JSON.stringify({ uncertainty: 2 - i }) })
    }
    const cards = page.getByRole('list', { name: 'Images' }).locator('.card')
    await view('Browse')
    await page.getByLabel('Order').selectOption('Least sure first')
    await expect.poll(() => idsOf(cards)).toEqual(unsure)
    await button(`Choose ${unsure[0]}`).click()
    await button('Reject').click()
    await page.getByText('1 image kept out of the results.').waitFor()
    await page.getByLabel('Show').selectOption('Rejected ones')
    await expect.poll(() => idsOf(cards)).toEqual([unsure[0]])
    await button(`Choose ${unsure[0]}`).click()
    await button('Take back').click()
    await page.getByText('1 image taken back.').waitFor()
    expect(((await (await fetch(itemAt(unsure[0]!))).json()) as { rejected: boolean }).rejected).toBe(false)
  })

  it('draws a map, where a line around images chooses them', async () => {
    await view('Map')
    const box = (await page.locator('canvas').boundingBox())!
    const corners = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ] as const
    const at = ([x, y]: readonly [number, number]) =>
      [box.x + 3 + x * (box.width - 6), box.y + 3 + y * (box.height - 6)] as const
    await page.mouse.move(...at(corners[0]))
    await page.mouse.down()
    for (const corner of corners.slice(1)) await page.mouse.move(...at(corner), { steps: 2 })
    await page.mouse.up()
    await page.getByRole('heading', { name: '41 images chosen' }).waitFor()
    await page.getByTitle('Choose all of blue-cross', { exact: true }).click()
    await page.getByRole('heading', { name: '3 images chosen' }).waitFor()
    const answer = page.waitForResponse((response) => response.url().endsWith('/api/v1/map'))
    await page.getByLabel('Layout').selectOption('UMAP')
    const { ids, points } = (await (await answer).json()) as { ids: string[]; points: number[] }
    expect([ids.length, points.length]).toEqual([41, 82])
    await page.getByRole('heading', { name: 'Nothing chosen' }).waitFor()
    await page.getByTitle('Choose all of blue-cross', { exact: true }).click()
    const { positives } = await asked(() => button('Search by these').click())
    expect(positives).toHaveLength(3)
  })

  it('keeps marks and answers, and exports them as triples', async () => {
    await searchBy(FIRST)
    const [right, wrong] = await idsOf(results())
    await button('This answer is right').nth(0).click()
    await button('This answer is wrong').nth(1).click()
    await view('Label')
    await page.getByAltText('Reference').waitFor()
    await page.keyboard.press('ArrowLeft')
    await page.getByText('1 answered here').waitFor()
    await page.keyboard.press('ArrowRight')
    await page.getByText('2 answered here').waitFor()
    await page.keyboard.press('Backspace')
    await page.getByText('1 answered here').waitFor()
    await page.reload()
    const download = page.waitForEvent('download')
    await button('Export 2').click()
    const text = await readFile(await (await download).path(), 'utf8')
    const lines = text.trim().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe('reference,a,b,closer')
    expect(lines[1]).toMatch(/,a$/)
    expect(lines[2]).toBe([FIRST, right, wrong, 'a'].join(','))
  })

  it('shows groups of duplicates, keeps one and removes the others', async () => {
    const form = new FormData()
    form.append('image', new Blob([await readFile(path.join(folder, 'photos/red-square/0.png'))]))
    expect((await fetch(itemAt('red copy'), { method: 'PUT', body: form })).status).toBe(200)
    await view('Duplicates')
    const group = page.getByRole('region', { name: /of (red copy|photos\/red-square\/0.png)$/ })
    await group.waitFor()
    await group
      .getByRole('button', { name: /^Keep red copy|Keep photos/ })
      .first()
      .click()
    await group.getByRole('button', { name: /^Do not keep (?!red copy)/ }).click()
    await group.getByRole('button', { name: 'Remove 1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('1 image removed from the gallery.').waitFor()
    expect((await fetch(itemAt('red copy'))).status).toBe(200)
    expect((await fetch(itemAt('photos/red-square/0.png'))).status).toBe(404)
  })

  it('asks for a token where the server does', async () => {
    await page.route('**/api/v1/**', async (route) => {
      if (route.request().headers().authorization === 'Bearer secret') return route.continue()
      const json = { code: 'serve/unauthorized', detail: 'This needs a token that the server knows.' }
      await route.fulfill({ status: 401, json })
    })
    await page.reload()
    await page.getByLabel('Token').fill('secret')
    await button('Enter').click()
    await page.locator('.card img').first().waitFor()
    complaints = complaints.filter((each) => !each.includes('401'))
  })

  it('says what to do when the server is gone', async () => {
    await page.route('**/api/v1/**', (route) => route.abort())
    await button(`Search by ${FIRST}`).click()
    await page.getByRole('alert').getByText('The server does not answer').waitFor()
    complaints = complaints.filter((each) => !each.includes('ERR_FAILED'))
  })

  const VIEWS = ['Search', 'Browse', 'Duplicates', 'Map', 'Label']
  it('shows markup in ids and metadata as it is written', async () => {
    const id = '<img src=x onerror="alert(1)">'
    const metadata = { label: '<b>bold</b>', note: '"><script>alert(1)</script>' }
    const form = new FormData()
    form.append('image', new Blob([await readFile(path.join(folder, FIRST))]))
    form.append('request', JSON.stringify({ metadata }))
    expect((await fetch(itemAt(id), { method: 'PUT', body: form })).status).toBe(200)
    try {
      await searchBy(id)
      await page.getByText(id, { exact: true }).first().waitFor()
      await view('Browse')
      await button(`About ${id}`).click()
      await page.getByRole('dialog').getByText(metadata.note, { exact: true }).waitFor()
      await page.getByRole('heading', { name: metadata.label, exact: true }).waitFor()
      expect(await page.locator('[onerror], #app b, #app script').count()).toBe(0)
    } finally {
      await fetch(itemAt(id), { method: 'DELETE' })
    }
  })

  it.each([1280, 400])('is open to everybody at %i pixels, light and dark', async (width) => {
    await context.close()
    await open({ width, height: 900 })
    await page.evaluate(axe.source)
    const violations = async (rules?: readonly string[]) => {
      const options = { resultTypes: ['violations'], ...(rules && { runOnly: rules }) }
      const found = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as {
        violations: { id: string; nodes: { html: string }[] }[]
      }
      return found.violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)
    }
    const check = async (name: string) => {
      expect(await violations(), name).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), name).toBeLessThanOrEqual(0)
      // In the dark the colours differ, and nothing else.
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(['color-contrast', 'link-in-text-block']), `${name}, dark`).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
    }
    for (const name of VIEWS) {
      await view(name)
      await page.getByRole('heading').first().waitFor()
      await page.locator('.spinner').waitFor({ state: 'detached' })
      await check(name)
    }
    await view('Search')
    await button(`Search by ${FIRST}`).click()
    await results().first().waitFor()
    await check('results')
    await button(/^About/)
      .first()
      .click()
    await page.locator('dialog img').waitFor()
    await check('details')
    await page.keyboard.press('Escape')
    for (const name of [/^Rerank/, /^Compare/]) {
      await page.getByRole('switch', { name }).check()
      await page.locator('.rank-row').first().waitFor()
      await check(String(name))
    }
  })

  it.each([360, 2560])('scrolls nothing sideways at %i pixels', async (width) => {
    await context.close()
    await open({ width, height: 900 })
    for (const name of VIEWS) {
      await view(name)
      await page.getByRole('heading').first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), name).toBeLessThanOrEqual(0)
    }
    await searchBy(FIRST)
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  })
})
