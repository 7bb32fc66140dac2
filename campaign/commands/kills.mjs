import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import { lookalike, succeed } from '../lib/command.mjs'
import { createTally } from '../lib/tally.mjs'
import { anotherQueryModel, makeProject, TRAINERS } from './projects.mjs'

const filesIn = (folder) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((name) => !name.includes('cache')) : []
const leftIn = (folder) => filesIn(folder).filter((name) => /\.tmp$|(^|\/)lock$/.test(name))
const modelsIn = (folder) => filesIn(folder).filter((name) => name.endsWith('.onnx'))

/** Kills `train` again and again, goes on each time, and wants the same models as those of a run that nothing disturbed. */
async function killTraining(tally, folder, trainer, kills, random) {
  const cwd = await makeProject(path.join(folder, trainer), trainer)
  const args = ['train', '--quiet', '--json']
  const { milliseconds } = await succeed([...args, '--name=whole'], { cwd })
  const whole = path.join(cwd, 'runs/whole')
  const killed = path.join(cwd, 'runs/killed')
  let judged = 0
  let waiting = []
  const settle = (outcome, what) => {
    for (const kill of waiting) tally.add(outcome, `${trainer}, kill ${kill}: ${what}`)
    waiting = []
  }
  for (let run = 0; judged + waiting.length < kills || waiting.length > 0; run++) {
    const enough = judged + waiting.length >= kills
    const after = enough ? undefined : (0.1 + random.next()) * milliseconds
    const result = await lookalike([...args, '--name=killed', '--resume'], { cwd, after })
    if (result.signal === 'SIGKILL') {
      waiting.push(run)
      continue
    }
    judged += waiting.length
    if (result.code !== 0) settle('lost', result.stderr)
    else {
      const models = modelsIn(whole)
      const other = models.find(
        (name) => !readFileSync(path.join(killed, name)).equals(readFileSync(path.join(whole, name))),
      )
      const left = leftIn(killed)
      if (models.length === 0 || other) settle('silent', `${other ?? 'no model'} is another`)
      else settle(left.length > 0 ? 'silent' : 'survived', `${left} stay behind`)
    }
    rmSync(killed, { recursive: true, force: true })
  }
}

/** What a search finds, without what a run decides. */
const found = async (cwd, gallery) =>
  (
    await succeed(
      [
        'search',
        'photos/class-1/3.png',
        'photos/class-7/1.png',
        '-k',
        '20',
        '--json',
        '--quiet',
        `--gallery=${gallery}`,
      ],
      { cwd },
    )
  ).stdout

/** Kills `index`; what was once there stays, and in the end all is as if nothing had happened. */
async function killIndexing(tally, cwd, engine, kills, random) {
  const indexTo = (gallery) => [
    'index',
    'photos',
    '--quiet',
    '--json',
    '--cache=false',
    `--gallery=${gallery}`,
    `--index=${engine}`,
  ]
  const { milliseconds } = await succeed(indexTo('./whole'), { cwd })
  const right = await found(cwd, './whole')
  let before = 0
  for (let kill = 0; kill < kills; kill++) {
    const at = path.join(cwd, 'killed')
    const { signal, code, stderr } = await lookalike(indexTo('./killed'), {
      cwd,
      after: (0.3 + 0.7 * random.next()) * milliseconds,
    })
    if (signal !== 'SIGKILL' && code !== 0) tally.add('lost', `index ${engine}, kill ${kill}: ${stderr}`)
    else tally.add(...(await judge(at, before, `index ${engine}, kill ${kill}`)))
    before = existsSync(path.join(at, 'gallery.json')) ? Math.max(before, await sizeOf(at)) : before
    if (signal === 'SIGKILL' && kill % 4 !== 3 && kill < kills - 1) continue
    await succeed(indexTo('./killed'), { cwd })
    const left = leftIn(at)
    if ((await found(cwd, './killed')) !== right) tally.add('silent', `index ${engine}: a search finds something else`)
    if (left.length > 0) tally.add('silent', `index ${engine}: ${left} stay behind`)
    rmSync(at, { recursive: true, force: true })
    before = 0
  }
}

async function reading(at, work) {
  const { space, dim } = JSON.parse(readFileSync(path.join(at, 'gallery.json'), 'utf8'))
  const gallery = await openGallery(at, { space, dim, mode: 'read' })
  try {
    return await work(gallery)
  } finally {
    await gallery.close()
  }
}
const sizeOf = (at) => reading(at, async (gallery) => gallery.size)

async function judge(at, least, what) {
  if (!existsSync(path.join(at, 'gallery.json'))) return least > 0 ? ['lost', `${what}: no gallery`] : ['survived']
  try {
    const size = await reading(at, async (gallery) => {
      await gallery.verify()
      return gallery.size
    })
    return size < least ? ['lost', `${what}: ${size} images after ${least}`] : ['survived']
  } catch (error) {
    return ['lost', `${what}: ${error.stack}`]
  }
}

/** Kills `upgrade`: the gallery is the old one or the new one, never anything else, and going on makes it the new one. */
async function killUpgrade(tally, cwd, kills, random) {
  await succeed(['train', '--name=run', '--quiet', '--json'], { cwd })
  const other = `--config=${anotherQueryModel(cwd)}`
  await succeed(['train', other, '--quiet', '--json'], { cwd })
  const gallery = '--gallery=./kept'
  await succeed(['index', 'photos', '--quiet', '--json', gallery], { cwd })
  const kept = path.join(cwd, 'kept')
  const old = path.join(cwd, 'old')
  cpSync(kept, old, { recursive: true })
  const upgrade = ['upgrade', other, gallery, '--quiet', '--json']
  const { milliseconds } = await succeed(upgrade, { cwd })
  const spaceOf = () => JSON.parse(readFileSync(path.join(kept, 'gallery.json'), 'utf8')).space
  const next = spaceOf()
  for (let kill = 0; kill < kills; kill++) {
    rmSync(kept, { recursive: true })
    cpSync(old, kept, { recursive: true })
    const before = await sizeOf(kept)
    await lookalike(upgrade, { cwd, after: (0.3 + 0.7 * random.next()) * milliseconds })
    const verdict = await judge(kept, before, `upgrade, kill ${kill}`)
    const again = await lookalike(upgrade, { cwd })
    const left = leftIn(kept)
    if (verdict[0] !== 'survived') tally.add(...verdict)
    else if (again.code !== 0) tally.add('lost', `upgrade, kill ${kill}: ${again.stderr}`)
    else if (spaceOf() !== next || left.length > 0) tally.add('silent', `upgrade, kill ${kill}: ${spaceOf()}, ${left}`)
    else tally.add(...(await judge(kept, before, `upgrade, kill ${kill}, again`)))
  }
}

export default {
  name: 'commands: index, train of every trainer and upgrade killed again and again',
  async run({ folder, short, only = [] }) {
    const tally = createTally()
    const random = createRandom('kills of commands')
    const share = short ? { index: 2, train: 2, upgrade: 0 } : { index: 35, train: 35, upgrade: 40 }
    const head = () => makeProject(path.join(folder, 'index'), 'head')
    const parts = {
      ...Object.fromEntries(
        (short ? ['exact'] : ['exact', 'usearch']).map((engine) => [
          `index-${engine}`,
          async () => killIndexing(tally, await head(), engine, share.index, random),
        ]),
      ),
      ...Object.fromEntries(
        (short ? ['head'] : TRAINERS).map((trainer) => [
          trainer,
          () => killTraining(tally, folder, trainer, share.train, random),
        ]),
      ),
      ...(share.upgrade > 0 && {
        upgrade: async () =>
          killUpgrade(tally, await makeProject(path.join(folder, 'upgrade'), 'cross-model'), share.upgrade, random),
      }),
    }
    for (const [name, work] of Object.entries(parts)) {
      if (only.length > 0 && !only.includes(name)) continue
      await work().catch((error) => tally.add('lost', `${name}: ${error.stack}`))
      console.error(`  so far, after ${name}: ${JSON.stringify(tally.counts)}`)
    }
    return tally
  },
}
