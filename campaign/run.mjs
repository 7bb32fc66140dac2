import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { lastTally } from './lib/tally.mjs'

/**
 * Breaks things on purpose: `node campaign/run.mjs [--short] [--json] [part of a file's name[:part of the campaign] ...]`. A campaign is a file
 * in a folder here whose default export is `{ name, run({ folder, short, only }) }`; `run` resolves with a tally (lib/tally.mjs). Ends with 1 when
 * anything was lost, or was wrong without a word. Stopped, it says what it had found.
 */
const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean' }, json: { type: 'boolean' } },
  allowPositionals: true,
})
const wanted = positionals.map((name) => name.split(':'))
const here = path.dirname(fileURLToPath(import.meta.url))
const files = (await readdir(here, { recursive: true }))
  .filter((file) => file.endsWith('.mjs') && file.includes(path.sep) && !file.startsWith('lib'))
  .filter((file) => positionals.length === 0 || wanted.some(([part]) => file.includes(part)))
  .sort()

const rows = []
let stop = () => undefined
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop())
for (const file of files) {
  const { default: campaign } = await import(pathToFileURL(path.join(here, file)).href)
  if (!campaign) continue
  // Beside the packages, so that what a project reads from packages is found.
  const folder = await mkdtemp(path.join(here, '../node_modules/.campaign-'))
  const only = wanted.filter(([part, of]) => of && file.includes(part)).map(([, of]) => of)
  const start = performance.now()
  const name = [campaign.name, ...only].join(', only ')
  const rowSoFar = ({ counts, examples, note }) => ({
    campaign: name,
    ...counts,
    seconds: Math.round((performance.now() - start) / 1000),
    note,
    examples,
  })
  stop = () => {
    const tally = lastTally()
    if (tally) console.log(rowOf(rowSoFar({ ...tally, note: 'stopped' })), ...tally.examples)
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  }
  try {
    const row = rowSoFar(await campaign.run({ folder, short: values.short === true, only }))
    rows.push(row)
    if (!values.json) console.log(rowOf(row))
    for (const example of row.examples) console.error(`  ${example}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
if (values.json) console.log(JSON.stringify(rows))
process.exitCode = rows.length > 0 && rows.every(({ lost, silent }) => lost === 0 && silent === 0) ? 0 : 1

function rowOf({ campaign, tried, survived, named, lost, silent, seconds, note }) {
  return `| ${[campaign, tried, survived, named, lost, silent, `${seconds} s`, note ?? ''].join(' | ')} |`
}
