import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { encodePng } from '@lookalike/image'

const EDGE = 24

/** Folders of small pictures: each class has two colours of its own, each picture noise of its own. */
export async function writePictures(folder, { classes, each }) {
  const random = createRandom('pictures')
  for (let label = 0; label < classes; label++) {
    mkdirSync(path.join(folder, `class-${label}`), { recursive: true })
    const colours = Array.from({ length: 6 }, () => random.integer(200))
    for (let i = 0; i < each; i++) {
      const data = Uint8Array.from({ length: EDGE * EDGE * 3 }, (_, at) => {
        const share = (Math.floor(at / 3) % EDGE) / EDGE
        return colours[at % 3] * share + colours[3 + (at % 3)] * (1 - share) + random.integer(50)
      })
      writeFileSync(
        path.join(folder, `class-${label}`, `${i}.png`),
        await encodePng({ data, width: EDGE, height: EDGE }),
      )
    }
  }
}
