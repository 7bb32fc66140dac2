import { LookalikeError } from '@lookalike/core'
import { type Manifest, parseManifest } from '../manifest.js'
import { type DownloadOptions, download } from './download.js'

/** @param folder absolute address, ending in a slash */
export async function readManifest(folder: string, options: DownloadOptions = {}): Promise<Manifest> {
  const url = `${folder}manifest.json`
  const bytes = await download({ url }, { onWarning: options.onWarning })
  return parseManifest(parseJson(bytes, url), url)
}

/** @throws `browser/manifest` */
export function parseJson(bytes: Uint8Array, url: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new LookalikeError(
      'browser/manifest',
      { problem: `${url} is not JSON`, fix: 'Check the address: a server may answer unknown ones with a page.' },
      { fields: { url }, cause },
    )
  }
}
