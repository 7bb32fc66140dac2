export interface BundleSize {
  code: string
  bytes: number
  gzipped: number
}
export interface BrowserBundle extends BundleSize {
  imports: { from: string; to: string }[]
}
export const FOR_BROWSERS: readonly string[]
export function bundleForBrowser(program: string, options?: { globalName?: string }): Promise<BrowserBundle>
export function bundleWithVite(program: string): Promise<BundleSize>
