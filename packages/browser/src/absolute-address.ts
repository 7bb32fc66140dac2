/** An address as seen from the page: workers have another place. */
export const absoluteAddress = (address: string | URL): string =>
  new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href

/** The address of a folder, ending in a slash; that of its `manifest.json` will do. */
export function absoluteFolder(address: string | URL): string {
  const url = absoluteAddress(address)
    .replace(/[?#].*$/, '')
    .replace(/\/manifest\.json$/, '/')
  return url.endsWith('/') ? url : `${url}/`
}
