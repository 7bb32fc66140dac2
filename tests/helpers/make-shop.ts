import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRandom } from '@lookalike/core'
import { encodePng } from '@lookalike/image'

const EDGE = 48

/** Whether a point of a shape's own square, -1 to 1 either way, belongs to it. */
const SHAPES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  disc: (x, y) => x * x + y * y < 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.9,
  triangle: (x, y) => Math.abs(x) < (y + 1) / 2 && y < 1,
  ring: (x, y) => x * x + y * y < 1 && x * x + y * y > 0.4,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.3 && Math.max(Math.abs(x), Math.abs(y)) < 1,
}
const COLOURS: Readonly<Record<string, readonly number[]>> = {
  red: [200, 50, 50],
  green: [50, 160, 70],
  blue: [60, 70, 200],
  yellow: [210, 180, 50],
}

/** A shop of 20 classes: five shapes in four colours, each image with place, size, light, background and noise of its own. */
export async function makeShop(folder: string, each: number): Promise<void> {
  for (const [shape, inside] of Object.entries(SHAPES)) {
    for (const [name, colour] of Object.entries(COLOURS)) {
      const at = path.join(folder, `${name}-${shape}`)
      await mkdir(at, { recursive: true })
      const random = createRandom(`${name} ${shape}`)
      for (let i = 0; i < each; i++) {
        const radius = EDGE * (0.2 + 0.2 * random.next())
        const [left, top] = [0, 1].map(() => EDGE * (0.35 + 0.3 * random.next())) as [number, number]
        const background = [0, 1, 2].map(() => 90 + random.integer(150))
        const light = 0.7 + 0.5 * random.next()
        const data = Uint8Array.from({ length: EDGE * EDGE * 3 }, (_, at) => {
          const pixel = Math.floor(at / 3)
          const x = ((pixel % EDGE) - left) / radius
          const y = (Math.floor(pixel / EDGE) - top) / radius
          const value = (inside(x, y) ? colour : background)[at % 3]! * light + random.integer(50) - 25
          return Math.max(0, Math.min(255, value))
        })
        await writeFile(path.join(at, `${i}.png`), await encodePng({ data, width: EDGE, height: EDGE }))
      }
    }
  }
}
