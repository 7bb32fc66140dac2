import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel } from '@lookalike/onnx'
import { afterEach, expect, it } from 'vitest'
import { trainToBeKilled } from '../testing/train-to-be-killed.js'

const folders: string[] = []
const newFolder = async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'killed-'))
  folders.push(folder)
  return folder
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

const script = fileURLToPath(new URL('../testing/killed-run.mjs', import.meta.url))
const weightsIn = async (folder: string) => (await loadModel(path.join(folder, 'model.onnx'))).graph.initializers

/** Runs until `until` is printed, then kills without a chance to clean up. */
function runUntil(folder: string, resume: boolean, until: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, folder, resume ? 'resume' : 'start'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    let seen = ''
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.stdout.on('data', (text: Buffer) => {
      seen += text.toString()
      if (until !== 'finished' && `\n${seen}`.includes(`\n${until}\n`)) child.kill('SIGKILL')
    })
    child.on('exit', (code, signal) => (code === 0 || signal === 'SIGKILL' ? resolve() : reject(new Error(errors))))
  })
}

it('a run that is killed with SIGKILL, twice, and resumed ends with the weights of an uninterrupted one, bit for bit', async () => {
  const whole = await newFolder()
  await trainToBeKilled(whole, false)
  const folder = await newFolder()
  await runUntil(folder, false, 'step 5')
  expect(await readdir(folder)).not.toContain('model.onnx')
  await runUntil(folder, true, 'step 14')
  expect(await readdir(folder)).not.toContain('model.onnx')
  await runUntil(folder, true, 'finished')
  expect(await weightsIn(folder)).toEqual(await weightsIn(whole))
})
