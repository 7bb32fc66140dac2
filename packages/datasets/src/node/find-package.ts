import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { LookalikeError } from '@lookalike/core'

/**
 * The folders of installed npm packages, looked for from `folder` (a config's) and then from the working folder.
 * Throws `dataset/package-missing`, which lists all missing packages and the command that installs them.
 */
export function findPackages<N extends string>(names: readonly N[], folder: string): Record<N, string> {
  const places = [...new Set([resolve(folder), process.cwd()])]
  const found: Partial<Record<N, string>> = {}
  const missing: N[] = []
  for (const name of names) {
    const at = places.map((place) => resolvePackage(name, place)).find((path) => path !== undefined)
    if (at === undefined) missing.push(name)
    else found[name] = at
  }
  if (missing.length > 0) {
    throw new LookalikeError(
      'dataset/package-missing',
      {
        problem: `This dataset is read from npm packages, and ${missing.length} of them cannot be found from ${places.join(' or ')}: ${missing.join(', ')}`,
        fix: `Install them beside your config: npm install --save-dev ${missing.join(' ')}`,
      },
      { fields: { missing, places } },
    )
  }
  return found as Record<N, string>
}

function resolvePackage(name: string, place: string): string | undefined {
  try {
    return dirname(createRequire(resolve(place, 'resolve.js')).resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}
