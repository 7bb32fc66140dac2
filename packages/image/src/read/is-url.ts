/** A single letter before the colon is a Windows drive. */
export function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(source)
}
