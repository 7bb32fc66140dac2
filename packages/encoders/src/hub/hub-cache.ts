import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { checksumOf, hashFile } from './checksum.js'

/**
 * A file that Hugging Face's own tools have downloaded: `models--owner--name/snapshots/<commit>/<path>`, where `refs/<revision>` names the commit.
 * Undefined where it is not there or not whole: files lie in `blobs` under the checksum of their content.
 */
export async function findInHubCache(
  cache: string,
  repository: string,
  revision: string,
  path: string,
): Promise<string | undefined> {
  const folder = join(cache, `models--${repository.replaceAll('/', '--')}`)
  const named = await readFile(join(folder, 'refs', ...revision.split('/')), 'utf8').catch(() => revision)
  const file = join(folder, 'snapshots', named.trim(), ...path.split('/'))
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size === 0) return undefined
  const checksum = checksumOf(basename(await realpath(file)))
  return checksum && (await hashFile(file, checksum.kind)) !== checksum.hex ? undefined : file
}
