import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import type { ImageRequest } from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasChromium, launchChromium, openContext } from '../../../../tests/helpers/chromium.js'
import { drawQuestions, type LabelQuestion, openLabelSession, orderByDisagreement } from './label-session.js'
import { type LabelServer, serveLabels } from './serve-labels.js'

const ids = ['red, dark', 'green', 'blue', 'grey']
const images = new Map(
  ids.map((id, i): [string, ImageRequest] => [
    id,
    { source: { data: Uint8Array.of(60 * i, 90, 200 - 40 * i), width: 1, height: 1 } },
  ]),
)
const questions: LabelQuestion[] = [
  { reference: 'red, dark', a: 'green', b: 'blue' },
  { reference: 'green', a: 'blue', b: 'grey' },
  { reference: 'blue', a: 'red, dark', b: 'grey' },
]
let folder = ''
let file = ''
let server: LabelServer | undefined
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'label-'))
  file = path.join(folder, 'triples.csv')
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(folder, { recursive: true })
})
const start = async () =>
  (server = await serveLabels({ session: await openLabelSession(file, questions), images, port: 0 }))
const answers = async () => (await readFile(file, 'utf8')).trim().split('\n').slice(1)

describe('openLabelSession', () => {
  it('writes each answer at once, takes it back, and goes on where it was', async () => {
    const session = await openLabelSession(file, questions)
    await session.answer(0, 'b')
    expect(await answers()).toEqual(['"red, dark",green,blue,b'])
    await session.answer(1, 'skip')
    await session.answer(2, 'a')
    expect(session.state()).toEqual({ answered: 2, left: 0, canUndo: true })
    await session.undo()
    await session.undo()
    expect(await answers()).toHaveLength(1)
    expect(session.state().question).toEqual({ ...questions[1], number: 1 })
    const later = await openLabelSession(file, questions)
    expect(later.state()).toEqual({ question: { ...questions[1], number: 0 }, answered: 1, left: 2, canUndo: false })
  })

  it('counts a second click once', async () => {
    const session = await openLabelSession(file, questions)
    await Promise.all([session.answer(0, 'a'), session.answer(0, 'b')])
    expect(await answers()).toEqual(['"red, dark",green,blue,a'])
  })

  it('never writes over answers that somebody else has put there meanwhile', async () => {
    const [first, second] = [await openLabelSession(file, questions), await openLabelSession(file, questions)]
    await first.answer(0, 'a')
    await expect(second.answer(0, 'b')).rejects.toMatchObject({ code: 'label/changed' })
    expect(second.state().question).toEqual({ ...questions[0], number: 0 })
    await first.answer(1, 'b')
    expect(await answers()).toHaveLength(2)
    await writeFile(file, '')
    await expect(first.undo()).rejects.toMatchObject({ code: 'label/changed' })
    await rm(file)
    await expect(first.answer(2, 'a')).rejects.toMatchObject({ code: 'label/changed' })
  })

  it('names a place that takes no answers before it asks anything', async () => {
    // Too long a name for what is written first.
    const long = path.join(folder, `${'x'.repeat(250)}.csv`)
    await expect(openLabelSession(long, questions)).rejects.toMatchObject({
      code: 'file/write',
      fields: { path: long },
    })
  })

  it('names what cannot be read', async () => {
    await expect(openLabelSession(folder, questions)).rejects.toMatchObject({ code: 'label/file' })
  })

  it('keeps names with quotes, commas and line breaks', async () => {
    const odd = [{ reference: 'two\nlines', a: 'a "b", c', b: 'carriage\r\nreturn' }, ...questions]
    const session = await openLabelSession(file, odd)
    await session.answer(0, 'a')
    await session.answer(1, 'b')
    const later = await openLabelSession(file, odd)
    expect(later.state()).toMatchObject({ answered: 2, left: 2, question: questions[1] })
    await later.answer(0, 'a')
    expect((await openLabelSession(file, odd)).state()).toMatchObject({ answered: 3, left: 1 })
  })

  it('never writes over a file that is not its own', async () => {
    for (const text of ['path,label\n', 'reference,a,b,closer\nx,y\n', 'reference,a,b,closer\nx,y,z,maybe\n']) {
      await writeFile(file, text)
      await expect(openLabelSession(file, questions)).rejects.toMatchObject({ code: 'label/file' })
    }
  })
})

describe('questions', () => {
  it('are drawn without repeats, the same ones for a seed', () => {
    const drawn = drawQuestions(ids, 100, 1)
    expect(drawn).toHaveLength(12)
    for (const { reference, a, b } of drawn) expect(new Set([reference, a, b]).size).toBe(3)
    expect(drawQuestions(ids, 100, 1)).toEqual(drawn)
    expect(drawQuestions(ids, 100, 2)).not.toEqual(drawn)
    expect(() => drawQuestions(['a', 'b'], 1, 0)).toThrow(expect.objectContaining({ code: 'label/few-images' }))
  })

  it('come in the order of disagreement', () => {
    expect(
      orderByDisagreement(questions, [
        [1, 1, 1],
        [1, -1, 1],
        [1, -1, -1],
        [1, 1, 1],
      ]),
    ).toEqual([questions[1], questions[2], questions[0]])
  })
})

describe('serveLabels', () => {
  const post = (url: string, body: unknown, type = 'application/json') =>
    fetch(url, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) })

  it('asks, answers, undoes and shows images', async () => {
    const { url } = await start()
    expect(await (await fetch(`${url}state`)).json()).toMatchObject({
      question: { number: 0, reference: 'red, dark' },
      left: 3,
    })
    expect(await (await post(`${url}answer`, { number: 0, answer: 'a' })).json()).toMatchObject({
      question: { number: 1 },
      answered: 1,
    })
    expect(await (await post(`${url}undo`, {})).json()).toMatchObject({ question: { number: 0 }, answered: 0 })
    const image = await fetch(`${url}image?id=${encodeURIComponent('red, dark')}`)
    expect(image.headers.get('content-type')).toBe('image/jpeg')
    expect((await image.arrayBuffer()).byteLength).toBeGreaterThan(100)
  })

  it('refuses what is no answer, unknown images and other sites', async () => {
    const { url } = await start()
    expect((await post(`${url}answer`, { number: 0, answer: 'c' })).status).toBe(400)
    expect((await post(`${url}answer`, { number: 0, answer: 'a' }, 'text/plain')).status).toBe(400)
    expect((await post(`${url}answer`, { number: 0, answer: 'a', more: 'x'.repeat(2000) })).status).toBe(400)
    expect((await fetch(`${url}image?id=../../etc/passwd`)).status).toBe(404)
    expect((await fetch(`${url}nowhere`)).status).toBe(404)
    const status = await new Promise((resolve) =>
      request(`${url}state`, { headers: { host: 'evil.example' } }, ({ statusCode }) => resolve(statusCode)).end(),
    )
    expect(status).toBe(403)
    expect(await answers()).toEqual([])
  })

  it.each(['127.0.0.1', '0.0.0.0'])('lets only its own pages in where it listens on %s', async (host) => {
    server = await serveLabels({ session: await openLabelSession(file, questions), images, port: 0, host })
    const { port } = new URL(server.url)
    const statusOf = (headers: Record<string, string>) =>
      new Promise((resolve) =>
        request(`http://127.0.0.1:${port}/state`, { headers }, ({ statusCode }) => resolve(statusCode)).end(),
      )
    for (const name of [`localhost:${port}`, `127.0.0.1:${port}`, hostname()]) {
      expect(await statusOf({ host: name })).toBe(200)
      expect(await statusOf({ host: name, origin: `http://${name}` })).toBe(200)
      expect(await statusOf({ host: name, origin: 'http://evil.example' })).toBe(403)
      expect(await statusOf({ host: name, origin: 'null' })).toBe(403)
    }
    expect(await statusOf({ host: `evil.example:${port}`, origin: `http://evil.example:${port}` })).toBe(403)
  })

  it('says when the port is taken', async () => {
    const { url } = await start()
    const session = await openLabelSession(file, questions)
    await expect(serveLabels({ session, images, port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'label/port',
    })
  })

  it.skipIf(!hasChromium)(
    'works in a browser, by keys and on a phone (skipped without /usr/bin/chromium)',
    async () => {
      const { url } = await start()
      const browser = await launchChromium()
      try {
        const context = await openContext(browser, { viewport: { width: 390, height: 740 }, hasTouch: true })
        const page = await context.newPage()
        await page.goto(url)
        const status = page.getByRole('status')
        const says = (text: string) => status.filter({ hasText: text }).waitFor()
        await says('0 answered, 3 left')
        // Everything fits the screen of a phone.
        const right = await page.getByAltText('Right candidate').boundingBox()
        expect(right!.x + right!.width).toBeLessThanOrEqual(390)
        expect(right!.y + right!.height).toBeLessThanOrEqual(740)
        await page.keyboard.press('ArrowRight')
        await says('1 answered, 2 left')
        await page.keyboard.press('Backspace')
        await says('0 answered, 3 left')
        expect(await answers()).toEqual([])
        // Keys that come before the command has answered the last one are not lost, and a second press answers nothing more.
        let release = () => {}
        const held = new Promise<void>((resolve) => {
          release = resolve
        })
        await page.route('**/answer', async (route) => {
          await held
          await route.continue()
        })
        for (const key of ['ArrowRight', 'ArrowRight', 'Backspace']) await page.keyboard.press(key)
        const undone = page.waitForResponse('**/undo')
        release()
        await undone
        await page.unroute('**/answer')
        await says('0 answered, 3 left')
        expect(await answers()).toEqual([])
        await page.keyboard.press('ArrowLeft')
        await says('1 answered, 2 left')
        // Every answer is in the file at once, and the page goes on where it was.
        expect(await answers()).toEqual(['"red, dark",green,blue,a'])
        await page.reload()
        await says('1 answered, 2 left')
        await page.keyboard.press(' ')
        await says('1 answered, 1 left')
        await page.getByRole('button', { name: 'The right one is closer' }).tap()
        await says('Done: 2 answered')
        expect(await answers()).toEqual(['"red, dark",green,blue,a', 'blue,"red, dark",grey,b'])
      } finally {
        await browser.close()
      }
    },
  )
})
