import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { differs } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open, STEPS } from './workload.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))

function live(folder, engine, env) {
  const failing = path.join(here, '../lib/failing-fs.mjs')
  const args = ['--import', failing, path.join(here, 'workload.mjs'), folder, engine]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  return { lines: stdout.split('\n'), stderr }
}

/** Which contents the gallery may have: every acknowledged step, no failed one; of a step that was cut off, or could not be undone, all or nothing. */
function allowed(lines) {
  let now = [{}]
  let next = 0
  for (const line of lines) {
    const [, word, step] = /^(done|failed|unknown) (\d+)/.exec(line) ?? []
    if (!word) continue
    next = Number(step) + 1
    const after = now.map(STEPS[step].after)
    if (word === 'done') now = after
    else if (word === 'unknown') now = [...now, ...after]
  }
  return lines.includes('end') || next === STEPS.length ? now : [...now, ...now.map(STEPS[next].after)]
}

async function judge(folder, engine, { lines, stderr }) {
  if (stderr) return ['silent', stderr.slice(0, 300)]
  const raw = lines.find((line) => line.includes('RAW'))
  if (raw) return ['silent', raw]
  const contents = allowed(lines)
  for (const mode of ['read', 'write', 'read']) {
    let gallery
    try {
      gallery = await open(folder, engine, { mode })
    } catch (error) {
      if (error.code === 'gallery/not-found' && contents.some((each) => Object.keys(each).length === 0))
        return ['survived']
      return ['lost', `${mode}: ${error.message}`]
    }
    try {
      const problems = []
      for (const each of contents) problems.push(await differs(gallery, each))
      if (problems.every(Boolean)) return ['lost', `${mode}: ${problems.join(' / ')}`]
      await gallery.verify()
    } catch (error) {
      return ['lost', `${mode}: ${error.message}`]
    } finally {
      await gallery.close()
    }
  }
  return ['survived']
}

export default {
  name: 'gallery: every call that writes fails, is cut off, or is the last',
  async run({ folder, short, only = [] }) {
    const tally = createTally()
    for (const engine of short ? ['usearch'] : ['exact', 'usearch', 'mapped']) {
      if (only.length > 0 && !only.includes(engine)) continue
      const at = path.join(folder, 'failing')
      rmSync(at, { recursive: true, force: true })
      const { lines, stderr } = live(at, engine, {})
      const calls = Number(/^calls (\d+)/m.exec(lines.join('\n'))?.[1])
      if (!calls || lines.some((line) => line.startsWith('failed')))
        throw new Error(`The workload itself fails: ${lines} ${stderr}`)
      for (const mode of ['once', 'full', 'short', 'kill', 'tear']) {
        for (let call = 1; call <= calls; call += short ? 17 : 1) {
          rmSync(at, { recursive: true, force: true })
          const [outcome, what] = await judge(at, engine, live(at, engine, { FAIL_AT: String(call), FAIL_MODE: mode }))
          tally.add(outcome, `${engine}, ${mode} at call ${call}: ${what}`)
        }
      }
    }
    return tally
  },
}
