import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'
import { runCli } from './helpers/run-cli.js'

let folder = ''
const at = (name: string) => path.join(folder, name)

/** Twelve pictures of four classes, in every layout that people have. */
interface Picture {
  readonly file: string
  readonly label: string
  readonly isTest: boolean
}
let pictures: Picture[] = []

/** Files in a row, each behind a header of 512 bytes (POSIX ustar). */
function tar(files: readonly (readonly [name: string, content: Uint8Array])[]): Buffer {
  const parts = files.flatMap(([name, content]) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write('0000644\0', 100)
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('00000000000\0        0', 136)
    header.write('ustar\x0000', 257)
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

const table = (separator: string, label = (picture: Picture) => picture.label) =>
  ['path,label,split', ...pictures.map((one) => `${one.file},${label(one)},${one.isTest ? 'test' : 'train'}`)]
    .join('\r\n')
    .replaceAll(',', separator)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-layouts-'))
  await makePhotos(at('photos'), 3)
  for (const label of (await readdir(at('photos'))).sort())
    for (const name of (await readdir(at(`photos/${label}`))).sort())
      pictures.push({ file: `photos/${label}/${name}`, label, isTest: true })
  pictures = pictures.map((one, i) => ({ ...one, isTest: i >= 6 }))
  for (const { file, label, isTest } of pictures) {
    const target = at(`parts/${isTest ? 'test' : 'train'}/${label}`)
    await mkdir(target, { recursive: true })
    await cp(at(file), path.join(target, path.basename(file)))
    const nested = at(`nested/${label < 'green' ? 'cold' : 'warm'}/${label}`)
    await mkdir(nested, { recursive: true })
    await cp(at(file), path.join(nested, path.basename(file)))
  }
  const shard = await Promise.all(
    pictures.map(async ({ file, label }, i) => [
      [`${i}.png`, await readFile(at(file))] as const,
      [`${i}.cls`, Buffer.from(label)] as const,
    ]),
  )
  const labels = [...new Set(pictures.map(({ label }) => label))]
  const files: Record<string, string | Uint8Array> = {
    'semicolon.csv': table(';'),
    'utf16.csv': Buffer.from(`\ufeff${table('\t')}`, 'utf16le'),
    'several.csv': table(';', ({ label }) => (label === 'red' ? 'red|warm' : `${label}|any`)),
    'rows.jsonl': pictures
      .map(({ file, label, isTest }) => JSON.stringify({ path: file, label, split: isTest ? 'test' : 'train' }))
      .join('\n'),
    'coco.json': JSON.stringify({
      images: pictures.map(({ file }, id) => ({ id, file_name: file, width: 16, height: 16 })),
      categories: labels.map((name, id) => ({ id, name })),
      annotations: pictures.map(({ label }, id) => ({
        id,
        image_id: id,
        category_id: labels.indexOf(label),
        bbox: [1, 1, 12, 12],
      })),
    }),
    'shard.tar': tar(shard.flat()),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(at(name), content)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it.each([
  ['train and test as folders', { use: 'folder', path: './parts' }, 6],
  ['classes as folders', { use: 'folder', path: './photos', test: 1 }, 12],
  ['nested classes', { use: 'folder', path: './nested', separator: '/', test: 1 }, 12],
  ['a CSV with semicolons', { use: 'csv', file: './semicolon.csv' }, 6],
  ['a CSV in UTF-16 with tabs', { use: 'csv', file: './utf16.csv' }, 6],
  ['several labels an image', { use: 'csv', file: './several.csv', labelSeparator: '|' }, 6],
  ['JSON lines', { use: 'jsonl', file: './rows.jsonl' }, 6],
  ['boxes in the JSON of COCO', { use: 'coco', test: './coco.json' }, 12],
  ['a tar file of webdataset', { use: 'webdataset', test: './shard.tar' }, 12],
])(
  '%s are measured by the command',
  async (_, dataset, images) => {
    await writeFile(
      at('lookalike.config.json'),
      JSON.stringify({ name: 'layout', encoder: 'mini', dataset, evaluate: { ks: [1], reporters: ['json'] } }),
    )
    const { code, stdout, stderr } = await runCli(['evaluate', '--json', '--quiet'], { cwd: folder })
    expect(code, stderr).toBe(0)
    const { queries, stages } = JSON.parse(stdout) as { queries: number; stages: { metrics: Record<string, number> }[] }
    expect(queries).toBe(images)
    // By chance less than a fifth; right labels and boxes give nearly all.
    expect(stages[0]!.metrics['recall@1']).toBeGreaterThan(0.9)
  },
  60_000,
)
