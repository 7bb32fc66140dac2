import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
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

it('a file that cannot be written is an error that names it, and leaves nothing', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'write-whole-'))
  try {
    await writeFile(path.join(folder, 'file'), '')
    await mkdir(path.join(folder, 'folder'))
    for (const [name, code] of [
      ['folder', 'EISDIR'],
      ['file/below', 'EEXIST'],
    ] as const) {
      const target = path.join(folder, name)
      await expect(writeWhole(target, 'x')).rejects.toMatchObject({
        code: 'file/write',
        fields: { path: target, code },
      })
    }
    expect((await readdir(folder)).sort()).toEqual(['file', 'folder'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
