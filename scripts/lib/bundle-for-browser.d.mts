export interface BrowserBundle {
  code: string
  bytes: number
  gzipped: number
  imports: { from: string; to: string }[]
}
export const FOR_BROWSERS: readonly string[]
export function bundleForBrowser(program: string, options?: { globalName?: string }): Promise<BrowserBundle>
