import { join } from 'node:path'
import { z } from 'zod'
import { readJson } from '../node/read-json.js'

const box = {
  width: z.number().optional(),
  height: z.number().optional(),
  left: z.number().optional(),
  top: z.number().optional(),
}
const turn = { hFlip: z.boolean().optional(), vFlip: z.boolean().optional(), rotate: z.number().optional() }

const iconsSchema = z.object({
  prefix: z.string(),
  ...box,
  icons: z.record(z.string(), z.object({ body: z.string(), ...box, ...turn })),
  aliases: z.record(z.string(), z.object({ parent: z.string(), ...box, ...turn })).optional(),
})
const charsSchema = z.record(z.string(), z.string())
const packageSchema = z.object({ version: z.string() })

type Icons = z.infer<typeof iconsSchema>

/** An icon set in Iconify's JSON format: drawings, and other names (`aliases`) for them. */
export interface IconSet {
  readonly icons: Icons['icons']
  readonly aliases: NonNullable<Icons['aliases']>
  /** The box of drawings that give none. */
  readonly box: { readonly width: number; readonly height: number; readonly left: number; readonly top: number }
  /** Code points (hex, joined by `-`) to icon name; empty where the set lists none. */
  readonly chars: Readonly<Record<string, string>>
  /** Of the package. */
  readonly version: string
}

/** Reads the folder of an installed `@iconify-json/...` package. */
export async function readIconSet(folder: string): Promise<IconSet> {
  const [icons, chars, info] = await Promise.all([
    readJson(join(folder, 'icons.json'), iconsSchema),
    readJson(join(folder, 'chars.json'), charsSchema),
    readJson(join(folder, 'package.json'), packageSchema),
  ])
  const { width = 16, height = 16, left = 0, top = 0 } = icons
  return {
    icons: icons.icons,
    aliases: icons.aliases ?? {},
    box: { width, height, left, top },
    chars,
    version: info.version,
  }
}
