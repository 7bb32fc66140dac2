import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LeftOut, leftOutWarnings, listImages } from './list-images.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-list-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function put(...names: string[]) {
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), '')
  }
}
async function list(options: Parameters<typeof listImages>[1] = {}, of = folder) {
  const images: string[] = []
  const leftOut: LeftOut[] = []
  for await (const image of listImages(of, { onLeftOut: (each) => leftOut.push(each), ...options })) images.push(image)
  return { images, leftOut }
}
const sorted = (leftOut: readonly LeftOut[]) => leftOut.map(({ kind, path: at }) => `${kind} ${at}`).sort()

describe('listImages', () => {
  it('lists images below a folder, and says by kind what it leaves out', async () => {
    await put('b/2.png', 'b/1.JPG', 'b/a/deep.webp', 'top.jfif', 'a\nb/x.svg')
    await put('b/phone.HEIC', 'b/scan', 'notes.txt', 'b/old.psd', '.hidden.jpg', '.git/x.png', 'Thumbs.db', '.DS_Store')
    await symlink('..', path.join(folder, 'b/circle'))
    await symlink('1.JPG', path.join(folder, 'b/linked.jpg'))
    await symlink('nowhere.jpg', path.join(folder, 'b/broken.jpg'))
    await symlink('nowhere', path.join(folder, 'b/nothing'))
    const { images, leftOut } = await list()
    expect(images).toEqual([
      'top.jfif',
      'a\nb/x.svg',
      'b/1.JPG',
      'b/2.png',
      'b/broken.jpg',
      'b/linked.jpg',
      'b/a/deep.webp',
    ])
    expect(sorted(leftOut)).toEqual([
      'format b/old.psd',
      'heic b/phone.HEIC',
      'hidden .git/',
      'hidden .hidden.jpg',
      'linked-folder b/circle/',
      'no-extension b/scan',
      'other notes.txt',
      'unreadable b/nothing',
    ])
  })

  it('follows the folder that it is given, and enters only folders that are not excepted', async () => {
    await put('photos/a.png', 'gallery/b.png')
    await symlink('photos', path.join(folder, 'link'))
    expect((await list({}, path.join(folder, 'link'))).images).toEqual(['a.png'])
    const folders: string[] = []
    const found = await list({ except: [path.join(folder, 'gallery')], onFolder: (each) => folders.push(each) })
    expect(found.images).toEqual(['photos/a.png'])
    expect(folders).toEqual(['photos'])
  })

  it('says why a folder cannot be listed', async () => {
    await put('file')
    await expect(list({}, path.join(folder, 'gone'))).rejects.toMatchObject({
      code: 'image/unreadable-folder',
      message: expect.stringContaining('does not exist') as unknown,
    })
    await expect(list({}, path.join(folder, 'file'))).rejects.toThrow('it is a file')
  })

  it('goes on where a folder is taken away while it lists', async () => {
    await put('a/1.png', 'b/1.png', 'c/1.png')
    const images: string[] = []
    const leftOut: LeftOut[] = []
    for await (const image of listImages(folder, { onLeftOut: (each) => leftOut.push(each) })) {
      images.push(image)
      await rm(path.join(folder, 'b'), { recursive: true, force: true })
    }
    expect(images).toEqual(['a/1.png', 'c/1.png'])
    expect(leftOut).toEqual([{ kind: 'unreadable', path: 'b/' }])
  })

  it('stops when told to', async () => {
    await put('a/1.png', 'b/1.png')
    const controller = new AbortController()
    const listing = listImages(folder, { signal: controller.signal })
    await listing.next()
    controller.abort(new Error('enough'))
    await expect(listing.next()).rejects.toThrow('enough')
  })
})

describe('leftOutWarnings', () => {
  it('counts and names each kind once, whatever stands in the names', () => {
    const many = Array.from({ length: 200_000 }, (_, i): LeftOut => ({ kind: 'heic', path: `${i}.heic` }))
    const [heic, other] = leftOutWarnings([...many, { kind: 'other', path: 'a\u001b[31m.txt' }])
    expect(heic).toMatchObject({ code: 'image/left-out', fields: { kind: 'heic', count: 200_000 } })
    expect(heic!.message).toMatch(
      /^200000 HEIC images .*0\.heic.* and 199990 more\. Install the package heic-decode, or save them as JPEG\.$/,
    )
    expect(other!.message).toBe('1 file is no image by its name and is left out: "a\\u001b[31m.txt".')
  })
})
