import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { makeShop } from './helpers/make-shop.js'
import { fencedBlocks } from './helpers/markdown.js'
import { root, runCli } from './helpers/run-cli.js'
import { commandsOf } from './helpers/shell.js'

/** What needs the network: the packages, and encoders of a model hub. */
const needsNetwork = (words: readonly string[]) => words[0] === 'npm' || words.includes('--encoder=dinov2')

it('a shop of 480 images goes through every command of docs/start.md as printed', async () => {
  const page = await readFile(path.join(root, 'docs/start.md'), 'utf8')
  const cwd = await mkdtemp(path.join(tmpdir(), 'lookalike-start-'))
  try {
    await makeShop(path.join(cwd, 'photos'), 24)
    await copyFile(path.join(cwd, 'photos/red-ring/3.png'), path.join(cwd, 'some-image.jpg'))
    const said = new Map<string, { stdout: string; stderr: string }>()
    for (const { language, code } of fencedBlocks(page)) {
      if (language === 'yaml') await writeFile(path.join(cwd, 'lookalike.config.yaml'), code)
      if (language !== 'sh') continue
      for (const words of commandsOf(code).filter((words) => !needsNetwork(words))) {
        const [npx, name, ...args] = words
        expect([npx, name]).toEqual(['npx', 'lookalike'])
        const { code, stdout, stderr } = await runCli(args, { cwd })
        expect(code, `${words.join(' ')}\n${stdout}${stderr}`).toBe(0)
        said.set(args.join(' '), { stdout, stderr })
      }
    }
    const after = (command: string) => {
      const found = [...said].find(([words]) => words.startsWith(command))
      return found?.[1] ?? expect.unreachable(`${command} is not on the page`)
    }

    expect(after('index').stderr).toMatch(/^Encoder: builtin\. .*photographs.*--encoder=dinov2/m)
    expect(after('index').stdout).toContain('480 images (480 added')
    expect(after('init').stderr).toContain('Encoder: builtin.')
    expect(after('search').stdout).toMatch(/1 +0\.0000 +.*photos\/red-ring\/3\.png/)

    const trained = after('train')
    expect(trained.stderr).toContain('[train/smaller-batches]')
    expect(trained.stderr).toContain('[train/validation-of-images]')
    expect(trained.stderr).toMatch(/^Before training: validation recall@1 [\d.]+ %, map@r [\d.]+ %$/m)
    for (const figure of ['untuned map@r', 'validation map@r']) expect(trained.stdout).toContain(figure)
    const figures = async (name: string) =>
      (
        JSON.parse(await readFile(path.join(cwd, 'runs', name, 'metrics.json'), 'utf8')) as {
          stages: { metrics: Record<string, number> }[]
        }
      ).stages[0]!.metrics['map@r']!
    expect(await figures('after')).toBeGreaterThanOrEqual(await figures('before'))
    expect((await stat(path.join(cwd, 'found.html'))).size).toBeGreaterThan(1000)
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
})
