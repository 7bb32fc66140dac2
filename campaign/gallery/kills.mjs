import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { addContents, DIM, differs, matrixOf, SPACE, vectorOf } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

const self = fileURLToPath(import.meta.url)

/** The nth change: adds and replaces, removes, compacts, makes vectors anew. */
function changeOf(seed, n) {
  const random = createRandom(`${seed} ${n}`)
  const ids = [...new Set(Array.from({ length: 1 + random.integer(30) }, () => `id ${random.integer(200)}`))]
  const choice = random.next()
  if (choice < 0.6) return { add: Object.fromEntries(ids.map((id) => [id, `${id} of ${n}`])) }
  if (choice < 0.85) return { remove: ids }
  return choice < 0.95 ? { compact: true } : { rewrite: true }
}

function apply(contents, { add = {}, remove = [] }) {
  const after = { ...contents, ...add }
  for (const id of remove) delete after[id]
  return after
}

async function write(folder, engine, seed, first) {
  let gallery = await open(folder, engine)
  writeSync(1, 'ready\n')
  for (let n = first; ; n++) {
    const { add, remove, compact, rewrite } = changeOf(seed, n)
    if (add) await addContents(gallery, add)
    else if (remove) await gallery.remove(remove)
    else if (compact) await gallery.compact()
    else if (rewrite) {
      const transform = async ({ entries }) => ({ embeddings: matrixOf(entries.map(({ hash }) => vectorOf(hash))) })
      await gallery.rewrite({ space: SPACE, dim: DIM, transform })
    }
    writeSync(1, `done ${n}\n`)
    if (n % 5 === 0) await gallery.search(matrixOf([vectorOf(`q ${n}`)], 'query'), 5)
    if (n % 9 === 0) {
      await gallery.close()
      gallery = await open(folder, engine)
    }
  }
}

if (process.argv[1] === self) {
  const [folder, engine, seed, first] = process.argv.slice(2)
  await write(folder, engine, seed, Number(first))
}

export default {
  name: 'gallery: writers killed while they add, remove, compact and rewrite',
  async run({ folder, short }) {
    const tally = createTally()
    const random = createRandom('kills')
    for (const engine of short ? ['usearch'] : ['exact', 'usearch', 'mapped']) {
      const at = path.join(folder, engine)
      let contents = {}
      let next = 0
      for (let kill = 0; kill < (short ? 5 : 70); kill++) {
        const child = spawn(process.execPath, [self, at, engine, 'kills', String(next)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const exited = once(child, 'exit')
        const lines = createInterface({ input: child.stdout })
        const ended = once(lines, 'close')
        const started = once(lines, 'line')
        lines.on('line', (line) => {
          if (!line.startsWith('done')) return
          contents = apply(contents, changeOf('kills', next))
          next++
        })
        await Promise.race([started, exited])
        await sleep(random.next() ** 2 * 400)
        child.kill('SIGKILL')
        const [, signal] = await exited
        await ended
        const outcome =
          signal === 'SIGKILL'
            ? await judge(at, engine, [contents, apply(contents, changeOf('kills', next))])
            : ['lost', 'the writer ended by itself']
        tally.add(outcome[0], `${engine}, kill ${kill}: ${outcome[1]}`)
        contents = outcome[2] ?? contents
        if (outcome[2] && outcome[3]) next++
      }
      const left = readdirSync(at).filter((name) => /tmp|^lock/.test(name))
      if (left.length > 0) tally.add('silent', `${engine}: ${left} stay behind`)
    }
    return tally
  },
}

async function judge(at, engine, possible) {
  try {
    const gallery = await open(at, engine)
    try {
      for (const [i, contents] of possible.entries()) {
        const wrong = await differs(gallery, contents, { queries: 2, tolerance: 1e-3 })
        if (!wrong) return ['survived', '', contents, i === 1]
        if (i === 1) return ['lost', wrong]
      }
    } finally {
      await gallery.close()
    }
  } catch (error) {
    return ['lost', error.stack]
  }
}
