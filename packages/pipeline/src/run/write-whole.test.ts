import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { writeWhole } from './write-whole.js'

it('a file that is written anew leaves nothing of an earlier try behind', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'write-whole-'))
  try {
    const { pid } = spawnSync(process.execPath, ['--version'])
    await writeFile(path.join(folder, `page.html.${pid}-0a1b2c3d-0.tmp`), '')
    await writeWhole(path.join(folder, 'page.html'), 'whole')
    expect(await readdir(folder)).toEqual(['page.html'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
