import fs from 'node:fs'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { addContents, differs } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

/** A closed gallery with replaced and removed images and a saved index, its contents, and another one of the same model. */
async function makeGalleries(folder, engine) {
  const contents = {}
  const base = path.join(folder, 'base')
  let gallery = await open(base, engine)
  for (let start = 0; start < 60; start += 20) {
    const part = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`id ${start + i}`, `a ${start + i}`]))
    await addContents(gallery, part)
    Object.assign(contents, part)
  }
  await addContents(gallery, { 'id 3': 'b 3' })
  contents['id 3'] = 'b 3'
  await gallery.remove(['id 5', 'id 17'])
  delete contents['id 5']
  delete contents['id 17']
  await gallery.prepare()
  await gallery.close()
  const other = path.join(folder, 'other')
  gallery = await open(other, engine)
  await addContents(gallery, Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`id ${i}`, `other ${i}`])))
  await gallery.prepare()
  await gallery.close()
  return { base, other, contents }
}

/** Opens a damaged copy as a reader, a writer and a reader again: every answer is right, or something says what is wrong. */
async function look(folder, engine, contents) {
  let said = false
  for (const mode of ['read', 'write', 'read']) {
    const warnings = []
    try {
      const gallery = await open(folder, engine, { mode, onWarning: (warning) => warnings.push(warning.code) })
      try {
        const wrong = await differs(gallery, contents, { queries: 1, tolerance: engine === 'exact' ? 1e-5 : 1e-3 })
        if (wrong && warnings.length === 0) return ['silent', `${mode}: ${wrong}`]
      } finally {
        await gallery.close()
      }
    } catch (error) {
      if (typeof error.code !== 'string' || !/^[a-z]+\//.test(error.code)) return ['silent', `${mode}: ${error.stack}`]
      said = true
    }
    said ||= warnings.length > 0
  }
  return [said ? 'named' : 'survived']
}

/** With the damaged file put back, everything is there: nothing else was touched. */
async function isWhole(folder, base, name, engine, contents) {
  for (const file of ['gallery.json', name]) {
    fs.rmSync(path.join(folder, file), { recursive: true, force: true })
    fs.copyFileSync(path.join(base, file), path.join(folder, file))
  }
  try {
    const gallery = await open(folder, engine, { mode: 'read' })
    try {
      return await differs(gallery, contents, { queries: 1, tolerance: 1e-3 })
    } finally {
      await gallery.close()
    }
  } catch (error) {
    return error.message
  }
}

const flip = (bytes, at, bit) => {
  const flipped = Buffer.from(bytes)
  flipped[at] ^= 1 << bit
  return flipped
}

/** What is done to a file: its new content, undefined for none, or a folder in its place. */
function* damages(name, bytes, elsewhere, { short, random }) {
  const every = (from, to, step) =>
    Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step)
  const step = short ? 23 : 1
  const flipsAt =
    name === 'gallery.json'
      ? every(0, bytes.length, step)
      : name.endsWith('.jsonl')
        ? [
            ...every(0, 80, step),
            ...every(2048, 2128, step),
            ...every(4096, 4300, step),
            ...every(bytes.length - 250, bytes.length, step),
          ]
        : []
  for (const at of flipsAt) for (let bit = 0; bit < 8; bit++) yield [`bit ${bit} of byte ${at}`, flip(bytes, at, bit)]
  for (let i = 0; i < (short ? 5 : 150); i++) {
    const at = random.integer(bytes.length)
    yield [`byte ${at}`, flip(bytes, at, random.integer(8))]
  }
  for (let i = 0; i < (short ? 5 : 100); i++) {
    const length = random.integer(bytes.length)
    yield [`cut to ${length}`, bytes.subarray(0, length)]
  }
  yield ['emptied', Buffer.alloc(0)]
  yield ['zeros', Buffer.alloc(bytes.length)]
  yield [
    'its end zeros',
    Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.alloc(bytes.length - (bytes.length >> 1))]),
  ]
  yield ['lengthened', Buffer.concat([bytes, Buffer.from('some more of nothing\n')])]
  yield ['doubled', Buffer.concat([bytes, bytes])]
  yield ['removed', undefined]
  yield ['a folder', 'folder']
  if (elsewhere) yield ["another gallery's", elsewhere]
}

function damage(folder, name, content) {
  const file = path.join(folder, name)
  if (content === undefined || content === 'folder') fs.rmSync(file)
  if (content === 'folder') fs.mkdirSync(file)
  else if (content !== undefined) fs.writeFileSync(file, content)
}

/** A wrong generation, dim or space by a hand that knows the checksum is another matter: here the numbers alone are changed. */
const EDITS = [
  [/"generation": \d+/, '"generation": 3'],
  [/"dim": \d+/, '"dim": 8'],
  [/"space": "[^"]+"/, '"space": "other"'],
  [/"version": \d+/, '"version": 3'],
]

export default {
  name: 'gallery: flipped bits, cut, emptied, lost and exchanged files',
  async run({ folder, short }) {
    const tally = createTally()
    for (const engine of short ? ['usearch'] : ['exact', 'usearch', 'mapped']) {
      const { base, other, contents } = await makeGalleries(path.join(folder, engine), engine)
      const copy = path.join(folder, 'copy')
      const random = createRandom(`damage ${engine}`)
      const names = fs.readdirSync(base)
      const twin = (name) =>
        fs.readdirSync(other).find((each) => each.replace(/[0-9a-f-]{36}/, '') === name.replace(/[0-9a-f-]{36}/, ''))
      for (const name of names) {
        const bytes = fs.readFileSync(path.join(base, name))
        const foreign = twin(name) && fs.readFileSync(path.join(other, twin(name)))
        const edits =
          name === 'gallery.json'
            ? EDITS.map(([from, to]) => [to, Buffer.from(bytes.toString().replace(from, to))])
            : []
        for (const [what, content] of [...damages(name, bytes, foreign, { short, random }), ...edits]) {
          fs.rmSync(copy, { recursive: true, force: true })
          fs.cpSync(base, copy, { recursive: true })
          damage(copy, name, content)
          const [outcome, why] = await look(copy, engine, contents)
          const missing = await isWhole(copy, base, name, engine, contents)
          tally.add(
            outcome !== 'silent' && missing ? 'lost' : outcome,
            `${engine}, ${name}: ${what}: ${why ?? missing}`,
          )
        }
      }
    }
    return tally
  },
}
