import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Warning } from '@lookalike/core'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'

/** A folder with the given files, gone after the test. */
export function tempFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'lookalike-datasets-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

/** What the few images of most tests give rise to. */
const OF_FEW_IMAGES = ['dataset/one-class', 'dataset/one-image-a-class']

/** What loaders get, and the warnings that they give; those about few images apart. */
export function testContext(folder: string) {
  const warnings: Warning[] = []
  const ofFewImages: Warning[] = []
  return {
    folder,
    cacheFolder: join(folder, '.cache'),
    warnings,
    ofFewImages,
    warn: (warning: Warning) => void (OF_FEW_IMAGES.includes(warning.code) ? ofFewImages : warnings).push(warning),
  }
}

/** A grey PNG. */
export async function greyImage(width: number, height: number, orientation?: number): Promise<Buffer> {
  const image = sharp({ create: { width, height, channels: 3, background: '#888' } })
  return orientation === undefined ? image.png().toBuffer() : image.withMetadata({ orientation }).jpeg().toBuffer()
}
