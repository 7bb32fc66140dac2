import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, galleryEntries } from '@lookalike/core'
import { addContents, DIM, differs, vectorOf } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

const self = fileURLToPath(import.meta.url)
const GROUP = 7

/** A writer that replaces whole groups of images, compacts now and then, and closes. */
async function write(folder, changes) {
  const gallery = await open(folder, 'exact')
  const random = createRandom('company')
  for (let n = 0; n < changes; n++) {
    const group = random.integer(20)
    await addContents(
      gallery,
      Object.fromEntries(Array.from({ length: GROUP }, (_, i) => [`${group}/${i}`, `${n}/${i}`])),
    )
    if (n % 40 === 39) await gallery.compact()
  }
  await gallery.close()
}

/** Of each group all images, all of one change. */
function halfChange(entries) {
  const groups = new Map()
  for (const { id, hash } of entries) {
    const [group, i] = id.split('/')
    const [change, same] = hash.split('/')
    if (i !== same) return `${id} is ${hash}`
    groups.set(group, [...(groups.get(group) ?? []), change])
  }
  for (const [group, changes] of groups)
    if (changes.length !== GROUP || new Set(changes).size > 1) return `group ${group} is of the changes ${changes}`
  return undefined
}

if (process.argv[1] === self) await write(process.argv[2], Number(process.argv[3]))

export default {
  name: 'gallery: a reader refreshed, a second writer and copies made beside a writer',
  async run({ folder, short }) {
    const tally = createTally()
    const at = path.join(folder, 'company')
    await (await open(at, 'exact')).close()
    const child = spawn(process.execPath, [self, at, String(short ? 120 : 1500)], { stdio: 'inherit' })
    const exited = once(child, 'exit')
    let over = false
    void exited.then(() => (over = true))
    const reader = await open(at, 'exact', { mode: 'read' })
    let changes = 0
    for (let n = 0; !over; n++) {
      tally.add(...(await refreshed(reader, (changed) => (changes += Number(changed)))))
      if (n % 10 === 0) tally.add(...(await copied(at, path.join(folder, `copy-${n}`), n)))
      if (n % 25 === 0 && fs.existsSync(path.join(at, 'lock'))) tally.add(...(await second(at, () => over)))
    }
    const [code] = await exited
    if (code !== 0) tally.add('lost', `the writer ended with ${code}`)
    await reader.refresh()
    const writer = await open(at, 'exact')
    const contents = Object.fromEntries((await galleryEntries(writer)).map(({ id, hash }) => [id, hash]))
    tally.add((await differs(reader, contents)) ? 'silent' : 'survived', 'the reader is behind at the end')
    await writer.close()
    await reader.close()
    return { ...tally, note: `${changes} refreshes brought changes` }
  },
}

async function refreshed(reader, count) {
  try {
    count(await reader.refresh())
    const half = halfChange(await galleryEntries(reader))
    if (half) return ['silent', half]
    const entries = await galleryEntries(reader)
    const { data } = await reader.vectors(entries.map(({ id }) => id))
    const other = entries.find(({ hash }, row) => vectorOf(hash).some((value, i) => data[row * DIM + i] !== value))
    return other ? ['silent', `the vector of ${other.hash} is another`] : ['survived']
  } catch (error) {
    return error.code === 'gallery/unknown-id' ? ['survived'] : ['lost', error.stack]
  }
}

/** In the order of the documentation (the log first), or as the system lists the files. */
async function copied(at, to, n) {
  try {
    fs.mkdirSync(to)
    const names = fs.readdirSync(at).filter((name) => name !== 'lock')
    const logFirst = n % 20 === 0
    if (logFirst) names.sort((a, b) => Number(b.endsWith('.jsonl')) - Number(a.endsWith('.jsonl')))
    for (const name of names) fs.cpSync(path.join(at, name), path.join(to, name), { recursive: true })
    const copy = await open(to, 'exact')
    try {
      const half = halfChange(await galleryEntries(copy))
      if (half) return ['silent', half]
      await copy.verify()
      return ['survived']
    } finally {
      await copy.close()
    }
  } catch (error) {
    return ['gallery/damaged', 'ENOENT'].includes(error.code) ? ['named'] : ['silent', error.stack]
  } finally {
    fs.rmSync(to, { recursive: true, force: true })
  }
}

async function second(at, over) {
  try {
    await (await open(at, 'exact')).close()
    return over() ? ['survived'] : ['silent', 'a second writer got in']
  } catch (error) {
    return error.code === 'gallery/locked' ? ['named'] : ['lost', error.stack]
  }
}
