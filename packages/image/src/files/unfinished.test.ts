import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeUnfinished, removeUnfinishedOf, unfinishedName } from './unfinished.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unfinished-'))
  await mkdir(path.join(folder, 'transforms'))
})
afterEach(() => rm(folder, { recursive: true }))

/** The number of a process that is no more. */
const gone = () => spawnSync(process.execPath, ['--version']).pid
const make = async (...names: string[]) => {
  for (const name of names) await writeFile(path.join(folder, name), '')
}
const found = async () => (await readdir(folder, { recursive: true })).filter((name) => name !== 'transforms').sort()

it('removes what a process that is gone left, and nothing else', async () => {
  const pid = gone()
  const kept = [path.basename(unfinishedName('checkpoint-last.bin')), `model.onnx.${process.ppid}.tmp`, 'notes.tmp']
  await make(...kept)
  // The last is of a process that had the number of this one.
  await make(`run.json.${pid}-0a1b2c3d-0.tmp`, `model.onnx.${pid}.tmp`, `transforms/first.onnx.${pid}.tmp`)
  await make(`run.json.${process.pid}-0a1b2c3d-4.tmp`)
  await removeUnfinished(folder)
  expect(await found()).toEqual(kept.sort())
  await expect(removeUnfinished(path.join(folder, 'nothing'))).resolves.toBeUndefined()
})

it('removes what is left of one file or folder', async () => {
  const pid = gone()
  await make(`page.html.${pid}-0a1b2c3d-0.tmp`, `other.html.${pid}-0a1b2c3d-0.tmp`)
  await mkdir(path.join(folder, `page.html.${pid}-0a1b2c3d-1.tmp`))
  await removeUnfinishedOf(path.join(folder, 'page.html'))
  expect(await found()).toEqual([`other.html.${pid}-0a1b2c3d-0.tmp`])
  await expect(removeUnfinishedOf(path.join(folder, 'nothing', 'page.html'))).resolves.toBeUndefined()
})
