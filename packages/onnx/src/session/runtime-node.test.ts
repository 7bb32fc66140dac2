import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, vi } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { writeModel } from '../model/write-model.js'
import { createSession } from './create-session.js'
import { howToGet } from './runtime-node.js'

it('the runtime keeps nothing in the home folder, and so has nothing to send', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'lookalike-home-'))
  for (const name of ['HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME']) vi.stubEnv(name, home)
  vi.stubEnv('ORT_DISABLE_TELEMETRY', undefined)
  try {
    const g = createGraphBuilder()
    g.output(g.relu(g.input('x', 'float32', [1])), 'y')
    const session = await createSession(writeModel(g.build()), { threads: 1 })
    await session.dispose()
    expect(await readdir(home)).toEqual([])
  } finally {
    vi.unstubAllEnvs()
    await rm(home, { recursive: true, force: true })
  }
})

it('says where the runtime has no build', () => {
  const report = (header: object) => ({ getReport: () => ({ header }) }) as unknown as NodeJS.Process['report']
  const glibc = report({ glibcVersionRuntime: '2.36' })
  expect(howToGet({ platform: 'darwin', arch: 'x64', report: glibc })).toContain('Intel')
  expect(howToGet({ platform: 'linux', arch: 'x64', report: report({}) })).toContain('musl')
  expect(howToGet({ platform: 'linux', arch: 'x64', report: glibc })).toContain('npm install')
  expect(howToGet({ platform: 'darwin', arch: 'arm64', report: report({}) })).toContain('npm install')
})
