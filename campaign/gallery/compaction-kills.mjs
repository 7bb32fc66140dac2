import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { addContents, differs } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

const self = fileURLToPath(import.meta.url)
const IMAGES = 6000

async function prepare(at, engine) {
  const gallery = await open(at, engine)
  const contents = Object.fromEntries(Array.from({ length: IMAGES }, (_, i) => [`id ${i}`, `a ${i}`]))
  await addContents(gallery, contents)
  const gone = Object.keys(contents).filter((_, i) => i % 3 !== 0)
  await gallery.remove(gone)
  for (const id of gone) delete contents[id]
  await gallery.close()
  return contents
}

/** Starts a process that compacts; kills it so many milliseconds after it began, or lets it end. Resolves with how long it took. */
async function compact(at, engine, after) {
  const child = spawn(process.execPath, [self, at, engine], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const ready = once(createInterface({ input: child.stdout }), 'line')
  await Promise.race([ready, exited])
  const started = performance.now()
  if (after !== undefined) {
    await Promise.race([sleep(after), exited])
    child.kill('SIGKILL')
  }
  const [code, signal] = await exited
  return { code, signal, milliseconds: performance.now() - started }
}

if (process.argv[1] === self) {
  const [at, engine] = process.argv.slice(2)
  const gallery = await open(at, engine)
  writeSync(1, 'ready\n')
  await gallery.compact()
  await gallery.close()
}

async function judge(at, engine, contents) {
  try {
    for (const mode of ['read', 'write']) {
      const gallery = await open(at, engine, { mode })
      try {
        await gallery.verify()
        const wrong = await differs(gallery, contents, { queries: 2, tolerance: 1e-3 })
        if (wrong) return ['lost', `${mode}: ${wrong}`]
      } finally {
        await gallery.close()
      }
    }
  } catch (error) {
    return ['lost', error.stack]
  }
  const left = readdirSync(at).filter((name) => /tmp|^lock/.test(name))
  return left.length > 0 ? ['silent', `${left} stay behind`] : ['survived']
}

export default {
  name: 'gallery: killed while it compacts',
  async run({ folder, short }) {
    const tally = createTally()
    const random = createRandom('kills of compactions')
    for (const engine of short ? ['usearch'] : ['exact', 'usearch', 'mapped']) {
      const whole = path.join(folder, `${engine}-whole`)
      const at = path.join(folder, engine)
      const contents = await prepare(whole, engine)
      cpSync(whole, at, { recursive: true })
      const { milliseconds } = await compact(at, engine)
      for (let kill = 0; kill < (short ? 3 : 20); ) {
        rmSync(at, { recursive: true })
        cpSync(whole, at, { recursive: true })
        const { code, signal } = await compact(at, engine, random.next() * milliseconds)
        if (code === 0) continue
        if (signal === 'SIGKILL') tally.add(...withName(await judge(at, engine, contents), engine, kill))
        else tally.add('lost', `${engine}, kill ${kill}: it ended by itself, with ${code ?? signal}`)
        kill++
      }
    }
    return tally
  },
}

const withName = ([outcome, what], engine, kill) => [outcome, `${engine}, kill ${kill}: ${what}`]
