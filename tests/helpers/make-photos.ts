import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { encodePng } from '@lookalike/image'

const COLOURS: Record<string, readonly [number, number, number]> = {
  red: [220, 40, 40],
  green: [40, 200, 60],
  blue: [50, 60, 230],
  grey: [140, 140, 140],
}

/** Folders of small pictures, one colour a class, each with noise of its own. */
export async function makePhotos(folder: string, each: number): Promise<void> {
  const random = createRandom(7)
  for (const [name, colour] of Object.entries(COLOURS)) {
    await mkdir(path.join(folder, name), { recursive: true })
    for (let i = 0; i < each; i++) {
      const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) =>
        Math.max(0, Math.min(255, colour[at % 3]! + random.integer(60) - 30)),
      )
      await writeFile(path.join(folder, name, `${i}.png`), await encodePng({ data, width: 16, height: 16 }))
    }
  }
}
