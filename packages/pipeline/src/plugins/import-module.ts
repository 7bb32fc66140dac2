import { fileURLToPath } from 'node:url'

/** Imports a module of a plugin by its URL, TypeScript sources included. */
export async function importModule(url: string): Promise<Record<string, unknown>> {
  if (/\.[cm]?ts$/.test(url)) {
    const { createJiti } = await import('jiti')
    return createJiti(url).import(fileURLToPath(url))
  }
  return (await import(url)) as Record<string, unknown>
}
