import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Warning } from '@lookalike/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { imagesOfPaths } from './images-to-index.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-images-'))
  await chmod(folder, 0o755)
  for (const name of ['open/a.jpg', 'open/notes.txt', 'open/.hidden.jpg', 'closed/b.jpg']) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true })
    await writeFile(path.join(folder, name), 'x')
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const idOf = (name: string) => path.relative('.', path.join(folder, name)).split(path.sep).join('/')

it('finds images by their names, labelled by their folders', async () => {
  const { images, unread } = await imagesOfPaths([folder], () => {})
  expect(images.map(({ id }) => id)).toEqual([idOf('closed/b.jpg'), idOf('open/a.jpg')])
  expect(images.map(({ metadata }) => metadata.label)).toEqual(['closed', 'open'])
  expect(unread).toEqual([])
})

it('names a path that is not there', async () => {
  await expect(imagesOfPaths([path.join(folder, 'gone')], () => {})).rejects.toMatchObject({
    code: 'image/not-found',
    message: expect.stringContaining('gone') as unknown,
  })
})

it.skipIf(process.platform === 'win32')('names a folder that it may not read, and goes on', async () => {
  await chmod(path.join(folder, 'closed'), 0)
  // No permission stops root.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid!(65534)
  const warnings: Warning[] = []
  try {
    const { images, unread } = await imagesOfPaths([folder], (warning) => warnings.push(warning))
    expect(images.map(({ id }) => id)).toEqual([idOf('open/a.jpg')])
    expect(unread).toEqual([`${idOf('closed')}/`])
  } finally {
    if (isRoot) process.seteuid!(0)
    await chmod(path.join(folder, 'closed'), 0o755)
  }
  expect(warnings).toMatchObject([{ code: 'image/unreadable-folder', fields: { path: path.join(folder, 'closed') } }])
})
